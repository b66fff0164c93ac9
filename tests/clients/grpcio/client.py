"""Drives load with grpcio (gRPC's C core) and its defaults; prints one line of JSON: what became of the calls."""

import argparse
import collections
import json
import signal
import threading
import time

import grpc

REQUEST_TIMEOUT = 30
STREAM_MILLIS = 1500
STREAM_MESSAGES = STREAM_MILLIS // 100 + 1


def arguments():
    """The load: how much of what is sent where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, help="HOST:PORT, or with a scheme such as xds:///NAME")
    parser.add_argument("--kind", choices=["unary", "server-stream"], default="unary")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--requests", type=int, default=1)
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--steady", action="store_true", help="send until SIGTERM, whatever --requests says")
    parser.add_argument("--pause-millis", type=int, default=0, help="between an answer and the next request")
    parser.add_argument("--round-robin", action="store_true", help="unless the resolver says otherwise")
    return parser.parse_args()


class Progress:
    """What was sent so far, and whether to go on; shared by all callers."""

    def __init__(self, load):
        self._load, self._lock, self._next, self._stopped = load, threading.Lock(), 0, False
        self.failures = []

    def stop(self):
        """Nothing more is sent of a steady load."""
        self._stopped = True

    def numbers(self):
        """The number of each call to send, each to one caller."""
        while True:
            with self._lock:
                if self._stopped if self._load.steady else self._next >= self._load.requests:
                    return
                number, self._next = self._next, self._next + 1
            yield number

    @property
    def sent(self):
        """How many calls were sent."""
        return self._next


def caller(channel, load, progress):
    """One call after another until there are no more."""
    send = {"unary": unary, "server-stream": server_stream}[load.kind](channel)
    for number in progress.numbers():
        identity = f"{load.prefix}{number}"
        metadata = (("x-request-id", identity), ("x-stream-millis", str(STREAM_MILLIS)))
        try:
            answers = send(identity.encode(), metadata)
            if not answers_are_right(answers, load.kind, identity):
                progress.failures.append((identity, f"{len(answers)} wrong answers"))
        except grpc.RpcError as error:
            progress.failures.append((identity, f"{error.code()}: {error.details()}"))
        time.sleep(load.pause_millis / 1000)


def unary(channel):
    """A unary call; messages are bytes that nobody looks into."""
    method = channel.unary_unary("/evenkeel.Echo/Unary")
    return lambda message, metadata: [method(message, timeout=REQUEST_TIMEOUT, metadata=metadata)]


def server_stream(channel):
    """A server stream, read to its end."""
    method = channel.unary_stream("/evenkeel.Echo/Stream")
    return lambda message, metadata: list(method(message, timeout=REQUEST_TIMEOUT, metadata=metadata))


def answers_are_right(answers, kind, identity):
    """Whether each message is an echo, and none is missing."""
    expected = 1 if kind == "unary" else STREAM_MESSAGES
    return len(answers) == expected and all(answer == identity.encode() for answer in answers)


def options(load):
    """The channel's options."""
    balancing = {"loadBalancingConfig": [{"round_robin": {}}]}
    return [("grpc.service_config", json.dumps(balancing))] if load.round_robin else []


def main():
    """One channel, shared by as many threads as there are calls at a time."""
    load = arguments()
    progress = Progress(load)
    signal.signal(signal.SIGTERM, lambda *_: progress.stop())
    with grpc.insecure_channel(load.target, options(load)) as channel:
        work = (channel, load, progress)
        callers = [threading.Thread(target=caller, args=work) for _ in range(load.concurrency)]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
    outcome = {
        "requests": progress.sent,
        "ok": progress.sent - len(progress.failures),
        "failed": len(progress.failures),
        "errors": collections.Counter(reason for _, reason in progress.failures),
        "failed_ids": [identity for identity, _ in progress.failures],
        "dials": None,
    }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
