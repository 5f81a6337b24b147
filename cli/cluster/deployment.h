// Deployments on the terminal; shared by all targets.
#pragma once

#include "cli/session/session.h"
#include "orchestrator/compose/load.h"
#include "orchestrator/targets/deployment.h"
#include "orchestrator/targets/image_facts.h"

namespace stack::cli::cluster {

// From now on, the first Ctrl-C or SIGTERM ends the wait in order; the second one ends the process.
void catch_interrupts();
bool was_interrupted();

// Prints why the deployment failed; returns the exit code.
int print_failure(const Session& session, const targets::DeployResult& result);

// The images' names in the cluster.
std::set<std::string> image_names(const compose::Project& project,
                                  const std::map<std::string, targets::ImageFacts>& images);

// Prints a plan as `plan` does: text, or JSON with --format json. Returns the exit code.
int print_plan(const Session& session, const OrderedJson& plan, const std::string& project,
               const std::string& format);

}  // namespace stack::cli::cluster
