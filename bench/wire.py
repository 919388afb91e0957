"""wire.py TARGET LOG: forwards connections of a free port of this machine to the port TARGET, and prints its own. For each line on its
standard input it writes into LOG what passed since the one before: HTTP requests by method, and bytes to and from the target."""

import collections
import re
import socket
import sys
import threading

counts = collections.Counter()
lock = threading.Lock()
REQUEST = re.compile(rb"(GET|HEAD|POST|PATCH|PUT|DELETE) /v2/\S* HTTP/1\.[01]\r\n")


def pump(source, target, way):
    """Copies one direction. Requests are found by their first line, which no layer's bytes contain but by chance."""
    tail = b""
    while True:
        try:
            data = source.recv(1 << 18)
        except OSError:
            data = b""
        with lock:
            counts[way] += len(data)
            if way == "sent":
                window = tail + data
                for found in REQUEST.finditer(window):
                    if found.end() > len(tail):
                        counts[found[1].decode()] += 1
                tail = window[-4096:]
        try:
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
        except OSError:
            return


def serve(listener, port):
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", port))
        for ends in ((client, server, "sent"), (server, client, "received")):
            threading.Thread(target=pump, args=ends, daemon=True).start()


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, int(sys.argv[1])), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    with open(sys.argv[2], "w", encoding="ascii") as log:
        for _ in sys.stdin:
            with lock:
                requests = " ".join(f"{m} {counts[m]}" for m in ("HEAD", "GET", "POST", "PATCH", "PUT") if counts[m])
                print(f"{counts['sent']} bytes sent, {counts['received']} received, {requests}", file=log, flush=True)
                counts.clear()


if __name__ == "__main__":
    main()
