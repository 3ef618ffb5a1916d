"""WeasyPrint, as fast as it goes: what one page does not change is made once. The pages are the same."""
