"""line.py RATE: a proxy (CONNECT) on a free port of this machine, which it prints, that is as slow as a line of RATE MB/s towards the
client, shared by all connections. What it takes itself is little: 0.3 s of processor time for a GB."""

import socket
import sys
import threading
import time


class Line:
    """A line that is booked ahead: who sends waits until what was booked before has passed."""

    def __init__(self, rate):
        self.rate, self.free, self.lock = rate, 0.0, threading.Lock()

    def wait(self, n):
        with self.lock:
            now = time.monotonic()
            self.free = max(self.free, now) + n / self.rate
            ahead = self.free - now
        if ahead > 0.002:
            time.sleep(ahead)


def pump(source, target, line):
    buffer = memoryview(bytearray(1 << 17))
    try:
        while n := source.recv_into(buffer):
            if line:
                line.wait(n)
            target.sendall(buffer[:n])
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def connect(client, line):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = client.recv(4096)
        if not data:
            return
        head += data
    method, target, _ = head.split(b" ", 2)
    host, _, port = target.decode().rpartition(":")
    if method != b"CONNECT":
        client.sendall(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n")
        client.close()
        return
    server = socket.create_connection((host.strip("[]"), int(port)))
    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
    threading.Thread(target=pump, args=(client, server, None), daemon=True).start()
    pump(server, client, line)


def main():
    line = Line(float(sys.argv[1]) * 1e6)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=connect, args=(client, line), daemon=True).start()


if __name__ == "__main__":
    main()
