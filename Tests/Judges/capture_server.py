"""A partner's repository with the capture interface of EPCIS 2.0, and a place for checkpoints, on a port of this machine.

    capture_server.py PORT FOLDER

Away for the first document. The ids of the events that it has then are lines of FOLDER/events, checkpoints files in FOLDER."""
import http.server
import json
import sys

documents = 0


class Repository(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def do_POST(self):
        global documents
        events = json.loads(self.body())["epcisBody"]["eventList"]
        documents += 1
        if documents == 1:
            return self.answer(503)
        with open(f"{sys.argv[2]}/events", "a") as file:
            file.writelines(f"{event['eventID']}\n" for event in events)
        self.answer(202, Location=f"/capture/{documents}")

    def do_GET(self):
        self.answer(200, json.dumps({"running": False, "success": True, "errors": []}).encode())

    def do_PUT(self):
        with open(f"{sys.argv[2]}/{self.path.rsplit('/', 1)[1]}", "wb") as file:
            file.write(self.body())
        self.answer(201)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Repository).serve_forever()
