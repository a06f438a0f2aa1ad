#!/usr/bin/env bash
# trial-authority.sh FOLDER: keys and certificates to try releases with, by openssl: a root for releasers with one releaser, a root for
# supervisors with one supervisor, and a manufacturer's key. Not for a bench that returns units: there each key has a keeper of its own.
#
#   FOLDER/releaser.{pem,crt}  FOLDER/supervisor.{pem,crt}  FOLDER/manufacturer.pem
#   FOLDER/trust/roots  FOLDER/trust/approvers  FOLDER/trust/keys: what a bench's config names
set -euo pipefail
umask 077
folder=${1:?usage: trial-authority.sh FOLDER}
mkdir -p "$folder/trust/roots" "$folder/trust/approvers" "$folder/trust/keys"
cd "$folder"

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.pem"; }

# root NAME FILE: a root of its own.
root() {
    key "$1"
    openssl req -x509 -new -key "$1.pem" -subj "/CN=Trial $1" -days 3650 -out "$2" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
}

# certificate NAME ROOT FILE: somebody who signs under that root.
certificate() {
    key "$1"
    openssl req -new -key "$1.pem" -subj "/CN=Trial $1" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA "$3" -CAkey "$2.pem" -CAcreateserial -CAserial "$2.srl" -days 365 -out "$1.crt" \
        -extfile <(printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n') 2>/dev/null
    rm "$1.csr"
}

root release-root trust/roots/release-root.pem
root approval-root trust/approvers/approval-root.pem
certificate releaser release-root trust/roots/release-root.pem
certificate supervisor approval-root trust/approvers/approval-root.pem
key manufacturer
openssl ec -in manufacturer.pem -pubout -out trust/keys/manufacturer.pem 2>/dev/null
