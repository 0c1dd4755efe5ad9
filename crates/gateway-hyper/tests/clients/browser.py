"""Two tabs of a headless Chromium on a chat page: what is said in one is seen in the other.

browser.py URL [--insecure]: prints `seen` and ends with 0; --insecure takes any certificate.

The page has a form with `<input id="message">`, which is disabled until messages can be sent, and an
element `#messages` that shows what was said, as text.
"""

import argparse
import os
import shutil
import tempfile

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.wait import WebDriverWait

# Keeps a page that does not work from hanging the test; nothing depends on how long anything takes.
DEADLINE = 60


def start(insecure, folder):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    # As root, as in containers, there is no sandbox; no page but those of the test is opened.
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server"]:
        options.add_argument(argument)
    options.accept_insecure_certs = insecure
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # By its path: else selenium looks for one elsewhere.
    service = webdriver.ChromeService(shutil.which("chromedriver"), env={**os.environ, "TMPDIR": folder})
    return webdriver.Chrome(options, service)


def field(driver, tab):
    """Where one writes, when one can."""
    driver.switch_to.window(tab)
    return wait(driver, expected.element_to_be_clickable((By.ID, "message")), "`#message` is not enabled")


def say(driver, tab, text):
    message = field(driver, tab)
    message.send_keys(text)
    message.submit()


def is_seen(driver, tab, text):
    driver.switch_to.window(tab)
    shown = expected.text_to_be_present_in_element((By.ID, "messages"), text)
    wait(driver, shown, f"`#messages` does not show {text!r}")


def wait(driver, condition, otherwise):
    try:
        return WebDriverWait(driver, DEADLINE).until(condition)
    except TimeoutException:
        page = driver.find_element(By.TAG_NAME, "body").text
        raise SystemExit(f"{otherwise}\n{driver.get_log('browser')}\n{driver.title}\n{page}") from None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--insecure", action="store_true")
    options = parser.parse_args()

    # Chromium leaves files behind.
    with tempfile.TemporaryDirectory() as folder, start(options.insecure, folder) as driver:
        first = driver.current_window_handle
        driver.get(options.url)
        driver.switch_to.new_window("tab")
        second = driver.current_window_handle
        driver.get(options.url)
        # A tab that can send is in the room: only then is what others say meant for it.
        for tab in [first, second]:
            field(driver, tab)
        for speaker, text in [(first, "hello <b>there</b>"), (second, "grüße & € 😀")]:
            say(driver, speaker, text)
            for listener in [first, second]:
                is_seen(driver, listener, text)
    print("seen")


main()
