from typing import Any

from django.contrib.admin.widgets import AdminTextInputWidget
from django.forms import PasswordInput, Select

class UnfoldAdminTextInputWidget(AdminTextInputWidget):
    def __init__(self, attrs: dict[str, Any] | None = None) -> None: ...

class UnfoldAdminSelectWidget(Select): ...

class UnfoldAdminPasswordWidget(PasswordInput):
    def __init__(self, attrs: dict[str, Any] | None = None, render_value: bool = False) -> None: ...
