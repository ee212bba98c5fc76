from typing import Any

from django.contrib.admin.widgets import AdminTextInputWidget
from django.forms import Select

class UnfoldAdminTextInputWidget(AdminTextInputWidget):
    def __init__(self, attrs: dict[str, Any] | None = None) -> None: ...

class UnfoldAdminSelectWidget(Select): ...
