"""What the emulated chip makes of the circuit."""
