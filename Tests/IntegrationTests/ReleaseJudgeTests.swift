import Foundation
import Testing

/// Signatures that openssl makes, well and badly, judged by `reflashctl release verify`.
@Suite(.timeLimit(.minutes(2))) struct ReleaseJudgeTests {
    /// A root, a releaser, a stranger, an unsigned bundle and its manifest.
    private static let prepare = """
        key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.pem"; }
        selfsigned() { openssl req -x509 -new -key "$1.pem" -subj "/CN=$1" -days 100 -out "$1.crt" -addext "$2" -addext "$3"; }
        key root; key releaser; key stranger; key manufacturer
        openssl genrsa -out rsa.pem 2048
        selfsigned root basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign
        selfsigned stranger basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature
        for name in releaser rsa; do
            openssl req -new -key $name.pem -subj "/CN=$name" -out $name.csr
            printf 'keyUsage=critical,digitalSignature' > ext
            openssl x509 -req -in $name.csr -CA root.crt -CAkey root.pem -CAcreateserial -days 100 -extfile ext -out $name.crt
        done
        openssl req -new -key releaser.pem -subj /CN=encipherer -out encipherer.csr
        printf 'keyUsage=critical,keyAgreement' > ext
        openssl x509 -req -in encipherer.csr -CA root.crt -CAkey root.pem -CAcreateserial -days 100 -extfile ext -out encipherer.crt
        openssl ec -in manufacturer.pem -pubout -out keys.pem
        head -c 5000 /dev/urandom > app.bin
        reflashctl image wrap app.bin app.zigbee --manufacturer-code AB01 --image-type 0001 --file-version 0002012F --hardware 0100-01FF --key manufacturer.pem
        cat > release.yaml <<END
        {release: r, notAfter: "2099-01-01T00:00:00Z", variants: {4G: {version: 0002012F, manufacturer: AB01, model: 010A030B, hardware: 0100-01FF,
         securityCounter: 1, components: {application: {image: app.zigbee}}}}}
        END
        reflashctl release make release.yaml release.tar
        reflashctl release sign release.tar --write-manifest manifest.json
        """

    @Test(arguments: [
        ("-signer releaser.crt -inkey releaser.pem", ""), ("-signer releaser.crt -inkey releaser.pem -noattr", ""),
        ("-signer releaser.crt -inkey releaser.pem -md sha384", ""),
        ("-signer releaser.crt -inkey releaser.pem -signer stranger.crt -inkey stranger.pem", "signers"),
        ("-signer stranger.crt -inkey stranger.pem", "certificate-untrusted"),
        ("-signer releaser.crt -inkey releaser.pem -md sha1", "signature-algorithm"),
        ("-signer rsa.crt -inkey rsa.pem", "signature-algorithm"),
        ("-signer encipherer.crt -inkey releaser.pem", "key-usage"),
        ("-signer releaser.crt -inkey releaser.pem -nodetach", "signature-malformed"),
        ("-signer releaser.crt -inkey releaser.pem -nocerts", "signature-malformed"),
    ])
    func `a signature of openssl is accepted, or refused for what is wrong with it`(options: String, code: String) async throws {
        try await withFolder { folder in
            let script = """
                exec 3>&1 >/dev/null 2>log
                \(Self.prepare)
                openssl cms -sign -binary -outform DER -in manifest.json \(options) -out manifest.p7s
                reflashctl release sign release.tar --cms manifest.p7s
                reflashctl release verify release.tar --roots root.crt --image-keys keys.pem --json >&3 || true
                """
            let result = try await Programs.run(
                "bash", ["-euo", "pipefail", "-c", script], environment: ["PATH": "\(Programs.folder):/usr/local/bin:/usr/bin:/bin"],
                in: folder)
            try #require(result.status == 0, "\((try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? "")")
            let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
            #expect(report.checks.compactMap(\.code) == (code.isEmpty ? [] : [code]), "\(report.checks)")
            #expect(report.isAcceptable == code.isEmpty)
        }
    }

    private struct Report: Decodable {
        struct Check: Decodable {
            let check: String
            let code: String?
            let message: String?
        }
        let isAcceptable: Bool
        let checks: [Check]
    }
}
