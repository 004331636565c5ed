"""Every cell as a row of the page's table."""
