import express, { type Express, type NextFunction, type Request, type Response } from "express";
import { badRequest, StatusError } from "#api/status-error.js";
import type { Runtime } from "../runtime/runtime.js";
import { sendContainerLog } from "./container-logs.js";
import { loggedContainer, runningContainer } from "./container-target.js";
import { answerError } from "./error-answer.js";
import { parseLogOptions } from "./log-options.js";
import type { PodDirectory } from "./pod-directory.js";
import { admit } from "./request-chain.js";
import { addStats, type NodeStats } from "./stats-routes.js";

export interface Backend {
  runtime: Runtime;
  pods: PodDirectory;
  stats: NodeStats;
  /** Milliseconds since the epoch. */
  now(): number;
}

type ContainerRequest = Request<{ namespace: string; pod: string; container: string }>;

/** The plain (not upgraded) half of the kubelet API. */
export function routes(backend: Backend): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use((request, _response, next) => {
    admit(request);
    next();
  });
  app.get("/healthz", (_request, response) => void response.type("text/plain").send("ok"));
  app.get("/pods", (_request, response) => {
    response.json({ kind: "PodList", apiVersion: "v1", metadata: {}, items: backend.pods.list() });
  });
  addStats(app, backend.stats);
  app.get("/containerLogs/:namespace/:pod/:container", async (request: ContainerRequest, response) => {
    const options = parseLogOptions(new URL(request.url, "https://kubelet").searchParams, backend.now());
    const id = loggedContainer(backend.pods, request.params, options.previous);
    await sendContainerLog(backend.runtime, id, options, response);
  });
  const notUpgraded = () => {
    throw badRequest("unable to upgrade: an Upgrade header is required");
  };
  for (const verb of ["exec", "attach"]) {
    app.all(`/${verb}/:namespace/:pod/:container`, (request: ContainerRequest) => {
      runningContainer(backend.pods, request.params);
      notUpgraded();
    });
  }
  app.all("/portForward/:namespace/:pod", notUpgraded);
  app.use(() => {
    throw new StatusError(404, "NotFound", "the server could not find the requested resource");
  });
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => answerError(response, error));
  return app;
}
