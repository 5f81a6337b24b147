// Jobs: containers that run on request or at times, and are no part of `up` (Compose specification, "jobs").
//
// A job has the attributes of a service but for those of long-running containers, and `triggers`. While files are merged,
// it stands among the services, so that merging, includes, and checks treat both alike; `triggers` tells them apart.
#pragma once

#include "orchestrator/compose/source.h"
#include "orchestrator/compose/tree.h"

namespace stack::compose {

bool is_job(const Node& service);
// Whether `triggers.schedule` names a time.
bool is_scheduled(const Node& job);
// `triggers.manual: false`: it must not run on request.
bool is_manual_run_forbidden(const Node& job);

// Moves the jobs of one document to its services. Errors: a name that is a service's as well, attributes that jobs do not
// have, and services with triggers.
void put_jobs_among_services(Node& document, Report& report);

// Moves the jobs among the services to the section `jobs`, to be shown.
void take_jobs_from_services(Node& tree);

// Reports jobs without triggers, and services that depend on a job.
void check_jobs(const Node& tree, Report& report);

// Reports cron expressions and time zones that are not understood. `tree` as after the selection.
void check_schedules(const Node& tree, Report& report);

}  // namespace stack::compose
