# The parts of django-unfold 0.91 that this project uses. The package says nothing of its types.
