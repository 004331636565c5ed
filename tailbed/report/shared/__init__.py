"""What the page's sections share: styles, scripts, macros, and figures as text."""
