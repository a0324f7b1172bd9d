"""What deploy/demo up says at its end: a text to read, and to paste into a
shell from the root of the tree, for all that is no command is a comment."""
import os
import shlex

from layout import DEFAULT_PORT, ROOT, default_dir

TEXT = """# The pair serves at {url}, company {company}; its logs are in {logs}
eval "$({demo} env{where})"
PASSWORD=$(cat "$GSB_ADMIN_PASSWORD_FILE")

# Which site answers now?
curl -sS "$GSB_URL/$GSB_COMPANY/detectbackup"

# The same by TLS; the demo has an authority of its own.
curl -sS --cacert "$GSB_CA" "$GSB_TLS_URL/$GSB_COMPANY/detectbackup"

# The XML API; its answer says gsbStatus.
curl -sS --data-binary @- "$GSB_URL/WBXService/XMLService" <<END
<message><header><securityContext><siteName>$GSB_COMPANY</siteName>
<webExID>$GSB_ADMIN</webExID><password>$PASSWORD</password></securityContext>
</header><body><bodyContent xsi:type="java:com.webex.service.binding.user.GetUser">
<webExId>$GSB_ADMIN</webExId></bodyContent></body></message>
END

# The JSON API; its header X-GSB-Status says the same.
TOKEN=$(curl -sS -H "Content-Type: application/json" "$GSB_URL/v1/access_token" -d "{{
  \\"siteName\\": \\"$GSB_COMPANY\\", \\"webExId\\": \\"$GSB_ADMIN\\",
  \\"password\\": \\"$PASSWORD\\"}}" | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
curl -sSi -H "Authorization: Bearer $TOKEN" "$GSB_URL/v1/people/me"

# What the pair does{dashboard}
"$GSB_BIN/gsbctl" --connect "$GSB_CTL" status

# Kill the primary: the next request waits a moment, and the backup answers it.
{demo} kill primary-web primary-db{where}
curl -sSi -H "Authorization: Bearer $TOKEN" "$GSB_URL/v1/people/me"
curl -sS "$GSB_URL/$GSB_COMPANY/detectbackup"

# Start it; traffic returns by itself when it is caught up and stable.
# {demo} status{where}: what runs.
{demo} start primary-db primary-web{where}
"$GSB_BIN/gsbctl" --connect "$GSB_CTL" watch

# Planned: {switchover}
# The end of it: {demo} down{where}
"""


def command():
    """deploy/demo as it is called from here."""
    path = os.path.relpath(os.path.join(ROOT, "deploy", "demo"))
    return path if path.startswith("deploy") else \
        os.path.join(ROOT, "deploy", "demo")


def dashboard(env):
    if not env["GSB_DASHBOARD_URL"]:
        return "."
    return (f"; the same in a browser: {env['GSB_DASHBOARD_URL']}\n"
            "# Log in with a name of yours and the token in "
            f"{env['GSB_DASHBOARD_TOKEN_FILE']}")


def text(layout):
    env = layout.env()
    if layout.dir != default_dir(layout.port):
        where = f" --dir {shlex.quote(layout.dir)}"
    else:
        where = "" if layout.port == DEFAULT_PORT else f" --port {layout.port}"
    return TEXT.format(
        url=env["GSB_URL"], company=env["GSB_COMPANY"],
        logs=layout.path("log"), dashboard=dashboard(env), demo=shlex.quote(command()), where=where,
        switchover='"$GSB_BIN/gsbctl" --connect "$GSB_CTL" switchover '
        '--to backup --reason test --yes')
