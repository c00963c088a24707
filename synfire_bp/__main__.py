"""`python -m synfire_bp` is `synfire-bp`."""

from synfire_bp.cli import main

if __name__ == "__main__":
    main()
