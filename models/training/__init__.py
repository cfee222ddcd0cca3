"""Trainers: `python -m models.training.<vae|gan|cyclegan|voice>`."""
