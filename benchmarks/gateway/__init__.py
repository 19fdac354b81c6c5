"""What the gateway costs, beside a bare proxy of the same parts and beside LiteLLM's proxy."""
