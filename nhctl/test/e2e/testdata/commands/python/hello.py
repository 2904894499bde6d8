from flask import Flask

app = Flask(__name__)


@app.route("/<name>")
def greet(name):
    text = f"Hello, {name}"
    return text


def serve():
    app.run(host="0.0.0.0", port=8080)


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8080, debug=True)
