"""Over the plane of density and importance: phase diagrams, their boundaries, and training beside theory."""
