"""Drives load with grpcio (gRPC's C core) and its defaults; prints one line of JSON: what became of the calls."""

import argparse
import collections
import itertools
import json
import threading

import grpc

REQUEST_TIMEOUT = 30
STREAM_MILLIS = 1500
STREAM_MESSAGES = STREAM_MILLIS // 100 + 1


def arguments():
    """The load: how much of what is sent where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--kind", choices=["unary", "server-stream"], default="unary")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--requests", type=int, default=1)
    parser.add_argument("--concurrency", type=int, default=1)
    return parser.parse_args()


def caller(channel, load, numbers, failures):
    """One call after another until all numbers are taken."""
    send = {"unary": unary, "server-stream": server_stream}[load.kind](channel)
    for number in numbers:
        if number >= load.requests:
            return
        identity = f"{load.prefix}{number}"
        metadata = (("x-request-id", identity), ("x-stream-millis", str(STREAM_MILLIS)))
        try:
            answers = send(identity.encode(), metadata)
            if not answers_are_right(answers, load.kind, identity):
                failures.append((identity, f"{len(answers)} wrong answers"))
        except grpc.RpcError as error:
            failures.append((identity, f"{error.code()}: {error.details()}"))


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


def main():
    """One channel, shared by as many threads as there are calls at a time."""
    load, failures = arguments(), []
    # `next` of a counter is atomic under the interpreter's lock, so threads can share it.
    numbers = itertools.count()
    with grpc.insecure_channel(load.target) as channel:
        work = (channel, load, numbers, failures)
        callers = [threading.Thread(target=caller, args=work) for _ in range(load.concurrency)]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
    outcome = {
        "requests": load.requests,
        "ok": load.requests - len(failures),
        "failed": len(failures),
        "errors": collections.Counter(reason for _, reason in failures),
        "failed_ids": [identity for identity, _ in failures],
        "dials": None,
    }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
