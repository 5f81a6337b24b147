// The stages of a Dockerfile before anything is run.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "images/builder/solver/stage.h"

namespace stack::builder {

// Fills job.stages and job.global_args; checks the shape of every instruction and reports the findings of the build
// checks.
Result<> plan_stages(BuildJob& job);

// An earlier stage (index below `before`) of this name or, with `by_number`, number.
std::optional<size_t> find_stage(const BuildJob& job, const std::string& name, size_t before, bool by_number);

// Adds the stages below `before` that the instruction's flags name.
Result<> note_needs(const BuildJob& job, size_t before, const std::string& own_name,
                    const Instruction& instruction, std::set<size_t>& needs);

// BuildRequest::target.
Result<size_t> target_stage(const BuildJob& job);
// The stage and all stages that it needs.
std::set<size_t> reachable(const BuildJob& job, size_t target);

void warn_unused_args(BuildJob& job);

}  // namespace stack::builder
