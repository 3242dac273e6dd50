"""The browser fixtures notice what a page does wrong: without that, their silence says nothing."""

import httpx

PLANTED = """
<link rel="icon" href="data:,">
<script>document.title = "an inline script ran"</script>
<img src="https://elsewhere.example/pixel.png" alt="">
<script src="/static/no-such-file.js"></script>
"""


def test_what_a_page_does_wrong_is_recorded(page, page_problems):
    page.goto("/accounts/login/")
    assert page_problems == []
    page.set_content(PLANTED)
    page.evaluate("console.error('an error of our own')")
    with page.context.expect_event("weberror"):
        page.evaluate("setTimeout(() => { throw new Error('nobody caught it') })")
    told = "\n".join(page_problems)
    assert "Executing inline script violates" in told
    assert "foreign request: https://elsewhere.example/pixel.png" in told
    assert "404: " in told
    assert "console: an error of our own" in told
    assert "script: nobody caught it" in told
    assert page.title() != "an inline script ran"
    page_problems.clear()


def test_variants_of_a_page(new_page):
    page = new_page(theme="dark", width=320, javascript=False)
    page.goto("/accounts/login/")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert page.evaluate("innerWidth") == 320


def test_accessibility_rules_find_a_planted_fault(page, axe):
    page.goto("/accounts/login/")
    page.set_content("<main><h1>A picture</h1><img src='data:,'></main>")
    assert any(fault.startswith("image-alt: ") for fault in axe(page))


def test_the_server_is_productions(live):
    answer = httpx.get(f"{live}/accounts/login/", timeout=60)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert httpx.get(f"{live}/v1/agents/", timeout=60).status_code == 401
