"""A web application of one's own: choose a picture, and see its faces with their emotions."""

import base64
import io

import waitress
from flask import Flask, render_template, request

from fer_toolkit import EmotionRecognizer
from fer_toolkit.errors import ImageError

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 16 * 1024 * 1024
recognizer = EmotionRecognizer()  # one for all requests: it may be used by many at the same time


@app.get("/")
def ask() -> str:
    """The form."""
    return render_template("page.html")


@app.post("/")
def show() -> str | tuple[str, int]:
    """The picture with boxes and labels, and its faces as a list."""
    picture = request.files["picture"].read()
    try:
        result = recognizer.recognize(picture)
    except ImageError as error:
        return render_template("page.html", error=str(error)), 422
    marked = io.BytesIO()
    result.draw(chart=True).save(marked, "JPEG", quality=90)
    return render_template("page.html", faces=result, marked=base64.b64encode(marked.getvalue()).decode())


if __name__ == "__main__":
    waitress.serve(app, host="127.0.0.1", port=5000, threads=4)
