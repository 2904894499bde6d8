async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    name = scope["path"][1:]
    text = f"Hello, {name}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})
