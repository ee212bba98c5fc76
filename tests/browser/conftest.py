"""A real browser: Debian's Chromium, driven by Playwright. Screenshots go to tests/artefacts/."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.programs import find_or_install
from tests.stack import Stack

ARTEFACTS = Path(__file__).parent.parent / "artefacts"
PASSWORD = "a-long-password-1"
# A browser in a container that talks to nothing but the pages under test.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    # With a Chinese font: without one, Chinese in screenshots is a row of boxes.
    return find_or_install("chromium", "chromium", "fonts-wqy-zenhei")


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for this folder only: while it is open an event loop runs here, and no other test can run its own."""
    # That loop also makes Django refuse the test's own queries.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """An empty page; errors on the browser's console fail the test."""
    context = browser.new_context(base_url=stack.url, viewport={"width": 1280, "height": 800}, locale="en")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if _is_complaint(message) else None)

    yield page

    context.close()
    assert errors == []


def _is_complaint(message: ConsoleMessage) -> bool:
    # Answers of 4xx or 5xx are for the test to judge.
    return message.type == "error" and not message.text.startswith("Failed to load resource")


@pytest.fixture
def administrator(stack: Stack) -> User:
    return User.objects.create_superuser("admin", password=PASSWORD)


@pytest.fixture
def signed_in(page: Page, stack: Stack, administrator: User) -> Page:
    """The page of an administrator, at the dashboard. Signed in by a cookie: the form costs a second (a slow hash)."""
    client = Client()
    client.force_login(administrator)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": stack.url}])
    page.goto("/")
    return page


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Keep a picture for people to look at."""
    ARTEFACTS.mkdir(exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)

    return take
