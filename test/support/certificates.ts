import { generate } from "selfsigned";

/** An authority made for one test, and certificates that it signs for names on loopback. */
export async function createAuthority() {
  const ca = await generate([{ name: "commonName", value: "QRForge test authority" }], {
    keySize: 2048,
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    certificate: ca.cert,
    async issue(name: string): Promise<{ certificate: string; key: string }> {
      const issued = await generate([{ name: "commonName", value: name }], {
        keySize: 2048,
        algorithm: "sha256",
        ca: { key: ca.private, cert: ca.cert },
        extensions: [
          { name: "basicConstraints", cA: false },
          { name: "keyUsage", digitalSignature: true, keyEncipherment: true },
          { name: "extKeyUsage", serverAuth: true, clientAuth: true },
          {
            name: "subjectAltName",
            altNames: [
              { type: 2, value: name },
              { type: 2, value: "localhost" },
              { type: 7, ip: "127.0.0.1" },
            ],
          },
        ],
      });
      return { certificate: issued.cert, key: issued.private };
    },
  };
}
