import { parentPort, workerData } from "node:worker_threads";
import { type CertificateWish, requestCertificate } from "./certificate-request.js";

parentPort?.postMessage(await Promise.all((workerData as CertificateWish[]).map(requestCertificate)));
