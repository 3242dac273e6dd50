"""Texts that become scripts or elements wherever a page forgets to escape one.

Each makes, where it works, an `x-owned` element, an attribute `data-owned`, a call of `owned()`, a
dialog, or the text `owned49`. None needs anything that stands outside this site.
"""

PAYLOADS = (
    # In text.
    "<x-owned>", "<script>owned()</script>", "<img src=x onerror=owned()>",
    "<svg onload=owned()>", "<svg><script>owned()</script></svg>",
    "<svg><animate onbegin=owned() attributeName=x dur=1s>", "<body onload=owned()>",
    "<details open ontoggle=owned()>", "<video><source onerror=owned()>",
    "<iframe srcdoc='<script>parent.owned()</script>'>", "<object data=javascript:owned()>",
    "<input autofocus onfocus=owned() data-owned>", "<math><mi data-owned xlink:href=javascript:owned()>x",
    "<marquee onstart=owned()>", "<template><x-owned></template>", "<base href=//127.0.0.1:9/ data-owned>",
    "<link rel=stylesheet href=data:,*{x:owned} data-owned>", "<meta http-equiv=refresh content='0;url=/owned' data-owned>",
    "<style>*{background:url(/owned)}</style><x-owned>", "<form action=/owned data-owned><button>x",
    "<x-owned\n>", "<X-OWNED/>", "<x-owned//", "<<x-owned>", "<x-owned x='",
    # Out of an attribute, of a text of its own, of a comment.
    '"><x-owned>', "'><x-owned>", '" data-owned="', "' data-owned='", '" onfocus="owned()" autofocus data-owned="',
    '" style="color:red" data-owned="', "` data-owned=`", "x data-owned onclick=owned()",
    "</script><script>owned()</script>", "</title><x-owned>", "</textarea><x-owned>", "</style><x-owned>",
    "</noscript><x-owned>", "</template><x-owned>", "--><x-owned>", "]]><x-owned>", "</pre></a><x-owned>",
    # In a script, an address, a style, a template.
    "';owned();//", '";owned();//', "\\';owned();//", "</scr\\x69pt>${owned()}", "javascript:owned()",
    "JaVaScRiPt:owned()", "java\nscript:owned()", "\tjavascript:owned()", "data:text/html,<script>owned()</script>",
    "//127.0.0.1:9/owned", "{{ owned }}{{7*7}}", "owned{{ 7|add:42 }}", "{% now 'owned' %}", "{{constructor.constructor('owned()')()}}",
    "owned<%= 7*7 %>", "owned${7*7}", "*{x:expression(owned())}",
    # What htmx and our own elements would take up.
    "<div hx-on:load=owned() data-owned>", "<div hx-get=/agents/ hx-trigger=load data-owned>",
    '" hx-get="/owned" hx-trigger="load" data-owned="', "<suggest-box data-owned></suggest-box>",
    "<p hx-swap-oob=true id=main data-owned>", "<time datetime=x data-owned>",
    # What becomes one only after decoding, folding or mending.
    "&lt;x-owned&gt;", "&#60;x-owned&#62;", "%3Cx-owned%3E", "\\u003cx-owned\\u003e", "＜x-owned＞",
    "<svg><style><img title='</style><x-owned>'>", "<noscript><p title='</noscript><x-owned>'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;<x-owned>'>",
    "<a href='javascript&colon;owned()' data-owned>x", "<x-owned\u2028>", "\u202e<x-owned>",
)  # fmt: skip
# For fields that are too short for the others: out of an attribute and a text.
SHORT = "'\"></p><x-owned onclick=owned()>"
OTHERS = (
    '" onfocus="owned()" autofocus data-owned="', "' data-owned='", "</script><script>owned()</script>",
    "</textarea></title><x-owned>", "--><img src=x onerror=owned()>", "<svg onload=owned()>{{7*7}}",
)  # fmt: skip
ALL = "\n".join(PAYLOADS)
