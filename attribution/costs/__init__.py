"""What ads cost: uploaded, posted or imported, and the authorisation to import it.

Knows no vendor; imports models, the platforms' door and the ground.
"""
