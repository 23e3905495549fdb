/** Which controllers run. Each is a file of its name in this folder; a test compares. */
import type { Logger } from "pino";
import type { KubeObject } from "#api/object.js";
import * as refs from "#api/refs.js";
import { groupResource, type ResourceRef } from "#api/resource.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import { clusterRoleAggregationController } from "./clusterrole-aggregation.js";
import type { Controller } from "./controller.js";
import { cronJobController } from "./cronjob.js";
import { daemonSetController } from "./daemonset.js";
import { deploymentController } from "./deployment.js";
import { disruptionController } from "./disruption.js";
import { endpointsController } from "./endpoints.js";
import { endpointSliceController } from "./endpointslice.js";
import { endpointSliceMirroringController } from "./endpointslice-mirroring.js";
import { ephemeralVolumeController } from "./ephemeral-volume.js";
import { eventTtlController } from "./event-ttl.js";
import { garbageCollector } from "./garbage-collector.js";
import { type RunningControllers, startHarness } from "./harness.js";
import { autoscalingController } from "./horizontalpodautoscaling.js";
import type { ProxyOptions } from "./ingress/proxy-pod.js";
import { ingressController } from "./ingress.js";
import { jobController } from "./job.js";
import { localPathProvisioner } from "./local-path-provisioner.js";
import { namespaceController } from "./namespace.js";
import { nodeIpamController } from "./node-ipam.js";
import { nodeLifecycleController } from "./node-lifecycle.js";
import { persistentVolumeBinder } from "./persistentvolume-binder.js";
import { podGarbageCollector } from "./pod-gc.js";
import { volumeProtectionController } from "./pv-protection.js";
import { claimProtectionController } from "./pvc-protection.js";
import { replicaSetController } from "./replicaset.js";
import { replicationController } from "./replication.js";
import { resourceQuotaController } from "./resourcequota.js";
import { rootCertificatePublisher } from "./root-ca-certificate-publisher.js";
import { serviceBalancerController } from "./service-lb.js";
import { serviceAccountController } from "./serviceaccount.js";
import { statefulSetController } from "./statefulset.js";
import { taintEvictionController } from "./taint-eviction.js";
import { ttlAfterFinishedController } from "./ttl-after-finished.js";

export interface ControllersOptions {
  client: Client;
  logger: Logger;
  /** The part of the cluster's configuration that controllers need. */
  cluster: { readonly podCIDRs: readonly string[] };
  /** Every resource that is stored: what namespace deletion and garbage collection look after. Default: refs.ts. */
  resources?: readonly ResourceRef[];
  /** How the proxies of Ingresses are run. */
  ingress?: ProxyOptions;
  /** The cluster's authority, PEM: published to all namespaces. */
  rootCertificate?: string;
  /** How often each HorizontalPodAutoscaler is looked at, seconds. Default 15. */
  autoscalerSync?: number;
  clock?: Clock;
}

const ALL: readonly ResourceRef<KubeObject>[] = Object.values(refs) as ResourceRef[];

export function controllers({
  cluster,
  resources = ALL,
  ingress,
  rootCertificate,
  autoscalerSync,
}: Omit<ControllersOptions, "client" | "logger" | "clock">) {
  const written = resources.filter((ref) => !ref.readOnly);
  const namespaced = written.filter((ref) => ref.namespaced);
  // Events are many, own nothing and expire.
  const owned = written.filter((ref) => groupResource(ref) !== "events");
  const list: Controller[] = [
    deploymentController(),
    replicaSetController(),
    replicationController(),
    statefulSetController(),
    daemonSetController(),
    jobController(),
    ttlAfterFinishedController(),
    cronJobController(),
    disruptionController(),
    autoscalingController(autoscalerSync),
    endpointSliceController(),
    endpointsController(),
    endpointSliceMirroringController(),
    serviceBalancerController(),
    ingressController(ingress),
    namespaceController(namespaced),
    serviceAccountController(),
    rootCertificatePublisher(rootCertificate),
    clusterRoleAggregationController(),
    nodeLifecycleController(),
    taintEvictionController(),
    nodeIpamController(cluster.podCIDRs),
    garbageCollector(owned),
    resourceQuotaController(owned.filter((ref) => ref.namespaced)),
    persistentVolumeBinder(),
    claimProtectionController(),
    volumeProtectionController(),
    ephemeralVolumeController(),
    localPathProvisioner(),
    podGarbageCollector(),
    eventTtlController(),
  ];
  return list;
}

export function startControllers(options: ControllersOptions): RunningControllers {
  return startHarness(controllers(options), options);
}
