import { CronSchedule, isTimeZone } from "#api/cron-schedule.js";
import { type FieldError, invalid, required } from "#api/field-error.js";
import type { CronJob, CronJobSpec, JobSpec } from "#api/generated/types.js";
import { nonNegative, oneOf } from "../field-rules.js";
import { defaultJobSpec } from "../job/defaults.js";
import { validateJobSpec } from "../job/validate.js";

/** A Job's name is that of its CronJob with eleven characters more, and is a label's value. */
const MAX_NAME = 52;

export function validateCronJob({ metadata, spec }: CronJob): FieldError[] {
  if (!spec) return [required("spec")];
  const errors: FieldError[] = [];
  if (metadata.name.length > MAX_NAME)
    errors.push(invalid("metadata.name", metadata.name, `must be no more than ${MAX_NAME} characters`));
  return [
    ...errors,
    ...validateSchedule(spec),
    ...nonNegative("spec.startingDeadlineSeconds", spec.startingDeadlineSeconds),
    ...oneOf("spec.concurrencyPolicy", spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"]),
    ...nonNegative("spec.successfulJobsHistoryLimit", spec.successfulJobsHistoryLimit),
    ...nonNegative("spec.failedJobsHistoryLimit", spec.failedJobsHistoryLimit),
    ...validateTemplate("spec.jobTemplate.spec", spec.jobTemplate.spec),
  ];
}

function validateSchedule({ schedule, timeZone }: CronJobSpec): FieldError[] {
  const field = "spec.schedule";
  if (!schedule) return [required(field)];
  if (/TZ/.test(schedule))
    return [invalid(field, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")];
  const errors: FieldError[] = [];
  if (timeZone !== undefined && !isTimeZone(timeZone))
    errors.push(
      invalid(
        "spec.timeZone",
        timeZone,
        timeZone ? `unknown time zone ${timeZone}` : "timeZone must be nil or non-empty string",
      ),
    );
  try {
    new CronSchedule(schedule);
  } catch (error) {
    errors.push(invalid(field, schedule, (error as Error).message));
  }
  return errors;
}

function validateTemplate(path: string, spec: JobSpec | undefined): FieldError[] {
  if (!spec) return [required(path)];
  // As the Job will be that is made from it.
  const whole = structuredClone(spec);
  defaultJobSpec(whole);
  const errors = validateJobSpec(path, whole);
  if (spec.selector) errors.push(invalid(`${path}.selector`, spec.selector, "`selector` will be auto-generated"));
  if (spec.manualSelector)
    errors.push(invalid(`${path}.manualSelector`, spec.manualSelector, "must be false or unset"));
  return errors;
}
