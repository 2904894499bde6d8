"""What readers say about the shop's books."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REVIEWS = {
    "b1": ["Clear from the first page to the last."],
    "b2": ["I finally know what my pods are doing."],
    "b3": ["Read it twice.", "Read it a third time."],
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, {"ok": True})
        elif self.path == "/reviews":
            self.answer(200, {"reviews": REVIEWS, "tone": os.environ.get("TONE", "")})
        else:
            self.answer(404, {"error": "no such page"})

    def answer(self, code, document):
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("reviews: listening on :8080", flush=True)
    ThreadingHTTPServer(("", 8080), Handler).serve_forever()
