import os

import redis
from flask import Flask

app = Flask(__name__)
counter = redis.Redis(host=os.environ["REDIS_HOST"], socket_timeout=5)


@app.get("/")
def index():
    hits = counter.incr("hits")
    return f"{os.environ['GREETING']}: this page has been seen {hits} times.\n"


@app.get("/healthz")
def healthz():
    counter.ping()
    return "ok\n"
