"""`/docs`: Swagger UI served from here, so that reading the documentation asks nothing of anybody else."""

from importlib.resources import files

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
# Swagger UI writes inline styles, and FastAPI's page starts it by an inline script. No other host is ever reached.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)


def mount_docs(app: FastAPI) -> None:
    """Add the page and its three files."""

    async def show_docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="openapi.json",
            title="Ementa API",
            swagger_js_url="docs/swagger-ui-bundle.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="docs/favicon-32x32.png",
            swagger_ui_parameters={"validatorUrl": None, "displayRequestDuration": True, "docExpansion": "list"},
        )
        page.headers["Content-Security-Policy"] = _PAGE_POLICY
        return page

    app.get("/docs", include_in_schema=False)(show_docs)
    for name, media_type in _ASSETS.items():
        _serve(app, name, media_type)


def _serve(app: FastAPI, name: str, media_type: str) -> None:
    file = files("fastapi_swagger.resources") / name

    def send_asset() -> Response:
        headers = {"Cache-Control": "public, max-age=86400"}
        return Response(file.read_bytes(), media_type=media_type, headers=headers)

    app.get(f"/docs/{name}", include_in_schema=False)(send_asset)
