"""Word and PowerPoint from 97 to 2003: small readers of their binary records, enough for text, tables and notes."""
