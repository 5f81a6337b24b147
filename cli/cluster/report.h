// The fidelity report on the terminal; shared by all targets.
#pragma once

#include "cli/session/session.h"
#include "orchestrator/targets/fidelity.h"

namespace stack::cli::cluster {

// Prints the lost keys as warnings to stderr, and how many are adapted.
void warn_of_losses(const Session& session, const targets::FidelityReport& report);
// For --strict: an error that lists all lost keys, if there are any.
Result<> refuse_losses(const targets::FidelityReport& report);
// For deployments: an error that lists the keys without which the project cannot run.
Result<> refuse_blocking(const targets::FidelityReport& report);
// For --report table|json: the report on stdout.
Result<int> print_report(Session& session, const targets::FidelityReport& report, const std::string& format);

// "12 objects; 40 keys exact, 3 adapted, 0 lost (...)" on stderr.
void print_counts(size_t objects, const targets::FidelityReport& report);

}  // namespace stack::cli::cluster
