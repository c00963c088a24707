"""The paper's figures and tables, and the report."""
