"""Certificates for tests: an authority, and what it signs."""
import os
import subprocess

NEW = ["openssl", "req", "-newkey", "ec", "-pkeyopt",
       "ec_paramgen_curve:P-256", "-nodes", "-subj"]


def run(*command):
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                   check=True, text=True)


class Authority:
    def __init__(self, folder, name="ca"):
        self.dir = folder
        self.key = os.path.join(folder, f"{name}.key")
        self.pem = os.path.join(folder, f"{name}.pem")
        run(*NEW, f"/CN=test {name}", "-x509", "-days", "30", "-addext",
            "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.key,
            "-out", self.pem)

    def issue(self, path, *names, days=30):
        """PATH.pem and PATH.key, for names such as DNS:a.test, IP:::1."""
        request = path + ".csr"
        run(*NEW, f"/CN={names[0].partition(':')[2]}", "-addext",
            "subjectAltName=" + ",".join(names), "-keyout", path + ".key",
            "-out", request)
        os.chmod(path + ".key", 0o600)
        run("openssl", "x509", "-req", "-days", str(days),
            "-copy_extensions", "copyall", "-in", request, "-CA", self.pem,
            "-CAkey", self.key, "-CAcreateserial", "-out", path + ".pem.new")
        os.replace(path + ".pem.new", path + ".pem")
        os.remove(request)

    def staple(self, path):
        """PATH.ocsp: what an OCSP responder says of PATH.pem."""
        request = path + ".ocspreq"
        index = path + ".index"
        serial = subprocess.check_output(
            ["openssl", "x509", "-in", path + ".pem", "-noout", "-serial"],
            text=True).strip().partition("=")[2]
        with open(index, "w", encoding="ascii") as f:
            f.write(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN=x\n")
        run("openssl", "ocsp", "-issuer", self.pem, "-cert", path + ".pem",
            "-no_nonce", "-reqout", request)
        run("openssl", "ocsp", "-index", index, "-rsigner", self.pem,
            "-rkey", self.key, "-CA", self.pem, "-ndays", "7", "-reqin",
            request, "-respout", path + ".ocsp")
        os.remove(request)
        os.remove(index)
