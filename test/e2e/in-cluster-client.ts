/**
 * A program in a Pod, as the client library sees it: run in the Pod's network namespace, with the Pod's environment and,
 * below the path given, its files. Prints as JSON what came of three calls.
 */
import { AuthenticationV1Api, CoreV1Api, KubeConfig, VersionApi } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromCluster(process.argv[2]);
const { gitVersion } = await config.makeApiClient(VersionApi).getCode();
const review = await config.makeApiClient(AuthenticationV1Api).createSelfSubjectReview({ body: {} });
const refusal = await config
  .makeApiClient(CoreV1Api)
  .listNamespacedPod({ namespace: "default" })
  .then(
    () => "allowed",
    (error) => JSON.parse(error.body).message,
  );
console.log(JSON.stringify({ gitVersion, userInfo: review.status?.userInfo, refusal }));
