import t from "tap";
import { requestInfo } from "#apiserver/request-info.js";

const resource = (method: string, url: string) => {
  const { verb, resource } = requestInfo(method, url);
  const { group, version, plural, namespace, name, subresource, rest } = resource!;
  const path = [group, version, namespace ?? "-", plural, name ?? "-", subresource ?? "-", rest ?? "-"].join(" ");
  return `${verb} ${path}`;
};

t.test("reads verb and resource off method and URL", async (t) => {
  const cases: [string, string, string][] = [
    ["GET", "/api/v1/namespaces/a/pods/x", "get  v1 a pods x - -"],
    ["GET", "/api/v1/namespaces/a/pods/x?watch=true", "get  v1 a pods x - -"],
    ["GET", "/api/v1/pods?limit=5", "list  v1 - pods - - -"],
    ["GET", "/api/v1/pods?watch=1", "watch  v1 - pods - - -"],
    ["GET", "/api/v1/pods?watch=false", "list  v1 - pods - - -"],
    ["GET", "/apis/apps/v1/namespaces/a/deployments/", "list apps v1 a deployments - - -"],
    ["PATCH", "/apis/apps/v1/namespaces/a/deployments/d/scale", "patch apps v1 a deployments d scale -"],
    ["GET", "/api/v1/namespaces", "list  v1 - namespaces - - -"],
    ["GET", "/api/v1/namespaces/a", "get  v1 - namespaces a - -"],
    ["PUT", "/api/v1/namespaces/a/status", "update  v1 - namespaces a status -"],
    ["PUT", "/api/v1/namespaces/a/finalize", "update  v1 - namespaces a finalize -"],
    ["POST", "/api/v1/namespaces/a/pods", "create  v1 a pods - - -"],
    ["POST", "/api/v1/namespaces/a/pods/x/binding", "create  v1 a pods x binding -"],
    ["GET", "/api/v1/namespaces/a/pods/x/exec?command=ls", "create  v1 a pods x exec -"],
    ["GET", "/api/v1/namespaces/a/pods/x/log", "get  v1 a pods x log -"],
    ["DELETE", "/api/v1/namespaces/a/pods", "deletecollection  v1 a pods - - -"],
    ["DELETE", "/api/v1/nodes/n1", "delete  v1 - nodes n1 - -"],
    ["GET", "/api/v1/nodes/n1/proxy/metrics/cadvisor", "get  v1 - nodes n1 proxy metrics/cadvisor"],
    ["GET", "/api/v1/namespaces/a%2Fb/pods/%zz", "get  v1 a/b pods %zz - -"],
  ];
  for (const [method, url, expected] of cases) t.equal(resource(method, url), expected, `${method} ${url}`);
});

t.test("other paths are no resources", async (t) => {
  for (const path of [
    "/",
    "/healthz",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/apps",
    "/apis/apps/v1",
    "/apis/apps/v1/",
    "/x",
  ]) {
    const info = requestInfo("GET", `${path}?verbose`);
    t.equal(info.resource, undefined, path);
    t.same([info.verb, info.path, info.query.has("verbose")], ["get", path, true]);
  }
});
