"""Commands on builds."""
