"""An S3 server: moto, on a free port that it prints. It keeps everything in memory.

moto looks whether an object is there and then writes it; between the two another request could do the same. A real
store does both in one step, so requests are let in one at a time.
"""

import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

turn = threading.Lock()
moto = DomainDispatcherApplication(create_backend_app)


def one_at_a_time(environ, start_response):
    with turn:
        return list(moto(environ, start_response))


server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
