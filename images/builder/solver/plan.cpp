#include "images/builder/solver/plan.h"

#include "base/text.h"

namespace stack::builder {

namespace {

Result<images::Platform> parse_linux(const std::string& text) {
  TRY_ASSIGN(images::Platform platform, images::parse_platform(text));
  if (platform.os != "linux") return unsupported("platform " + text + ": only images for linux can be built");
  return platform;
}

void add_platform_args(std::map<std::string, std::string>& args, const std::string& target,
                       const images::Platform& result) {
  auto add = [&args](const std::string& kind, const images::Platform& platform) {
    args[kind + "PLATFORM"] = images::platform_text(platform);
    args[kind + "OS"] = platform.os;
    args[kind + "OSVERSION"] = "";
    args[kind + "ARCH"] = platform.architecture;
    args[kind + "VARIANT"] = platform.variant;
  };
  add("BUILD", images::host_platform());
  add("TARGET", result);
  args["TARGETSTAGE"] = target.empty() ? "default" : target;
}

Expander global_expander(const BuildJob& job) {
  Expander out;
  out.escape = job.dockerfile.escape;
  out.variables = [&job](std::string_view name) -> std::optional<std::string> {
    auto found = job.global_args.find(std::string(name));
    if (found == job.global_args.end()) return std::nullopt;
    return found->second;
  };
  return out;
}

Result<> global_arg(BuildJob& job, const Instruction& instruction) {
  for (const std::string& word : instruction.words) {
    size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    auto given = job.request.args.find(name);
    if (given != job.request.args.end() && given->second) {
      job.global_args[name] = *given->second;
    } else if (equals != std::string::npos) {
      TRY_ASSIGN(std::string value, global_expander(job).word(word.substr(equals + 1)));
      job.global_args[name] = std::move(value);
    }
  }
  return {};
}

bool is_stage_name(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string_view::npos;
}

Result<> begin_stage(BuildJob& job, const Instruction& instruction) {
  StagePlan stage;
  stage.index = job.stages.size();
  stage.from = &instruction;
  TRY_ASSIGN(stage.base, global_expander(job).word(instruction.words[0]));
  if (stage.base.empty()) return invalid("base name (" + instruction.words[0] + ") should not be blank");
  TRY_ASSIGN(Flags flags, Flags::parse(instruction, known_flags("from")));
  TRY_ASSIGN(std::string platform, global_expander(job).word(flags.value("platform")));
  stage.platform = job.platform;
  if (!platform.empty()) {
    TRY_ASSIGN(stage.platform, parse_linux(platform));
  }
  stage.given_platform = !platform.empty() || !job.request.platform.empty();
  if (instruction.words.size() == 3) {
    stage.name = lower(instruction.words[2]);
    if (!is_stage_name(stage.name))
      return invalid("invalid name for build stage: \"" + instruction.words[2] +
                     "\", name can't start with a number or contain symbols");
  }
  if (!stage.name.empty() && job.context_of(stage.name)) {
    stage.base = stage.name;
    stage.replaced = true;
  }
  if (!job.context_of(stage.base))
    stage.base_stage = find_stage(job, job.stage_alias(stage.base), stage.index, false);
  if (stage.base_stage) stage.needs.insert(*stage.base_stage);
  job.stages.push_back(std::move(stage));
  return {};
}

Result<> plan_instruction(BuildJob& job, const Instruction& instruction) {
  TRY(check_instruction(instruction));
  if (instruction.keyword == "from") return begin_stage(job, instruction);
  if (job.stages.empty()) {
    if (instruction.keyword == "arg") return global_arg(job, instruction);
    return invalid("no build stage in current context: FROM must come first");
  }
  StagePlan& stage = job.stages.back();
  if (stage.replaced) return {};
  stage.instructions.push_back(&instruction);
  // A trigger refers to stages of the Dockerfile in which it runs.
  if (instruction.keyword == "onbuild") return {};
  return note_needs(job, stage.index, stage.name, instruction, stage.needs);
}

}  // namespace

std::optional<size_t> find_stage(const BuildJob& job, const std::string& name, size_t before,
                                 bool by_number) {
  std::string wanted = lower(name);
  for (size_t i = before; i-- > 0;)
    if (job.stages[i].name == wanted && !wanted.empty()) return i;
  if (by_number && is_all_digits(name) && name.size() < 6 && std::stoul(name) < before)
    return std::stoul(name);
  return std::nullopt;
}

Result<> note_needs(const BuildJob& job, size_t before, const std::string& own_name,
                    const Instruction& instruction, std::set<size_t>& needs) {
  TRY_ASSIGN(Flags flags, Flags::parse(instruction, known_flags(instruction.keyword)));
  std::vector<std::string> names;
  if (std::optional<std::string> from = flags.find("from")) names.push_back(*from);
  for (const std::string& mount : flags.all("mount")) {
    Result<MountOptions> options = parse_mount(mount);
    if (options && !options->from.empty()) names.push_back(options->from);
  }
  for (std::string& name : names) {
    if (Result<std::string> expanded = global_expander(job).word(name)) name = *expanded;
    if (job.context_of(name)) continue;
    name = job.stage_alias(name);
    if (lower(name) == own_name && !own_name.empty() && !find_stage(job, name, before, false))
      return invalid("circular dependency detected on stage: " + own_name);
    if (std::optional<size_t> needed = find_stage(job, name, before, true)) needs.insert(*needed);
  }
  return {};
}

Result<> plan_stages(BuildJob& job) {
  if (!job.request.platform.empty()) {
    TRY_ASSIGN(job.platform, parse_linux(job.request.platform));
  }
  add_platform_args(job.global_args, job.request.target, job.platform);
  LintInput input{job.dockerfile, job.ignore, "linux/" + images::host_architecture(), job.global_args};
  for (const SourceWarning& warning : lint(input)) job.warn(warning.rule, warning.line, warning.text);
  for (const Instruction& instruction : job.dockerfile.instructions) {
    Result<> planned = plan_instruction(job, instruction);
    if (!planned) return planned.error().in(job.place(instruction, planned.error()));
  }
  if (job.stages.empty()) return invalid(job.file_name + ": no build stage: a Dockerfile requires FROM");
  return {};
}

Result<size_t> target_stage(const BuildJob& job) {
  const std::string& target = job.request.target;
  if (target.empty()) return job.stages.size() - 1;
  if (std::optional<size_t> found = find_stage(job, target, job.stages.size(), true)) return *found;
  std::vector<std::string> names;
  for (const StagePlan& stage : job.stages)
    if (!stage.name.empty()) names.push_back(stage.name);
  std::string near = nearest(target, names);
  return invalid(job.file_name + ": target stage \"" + target + "\" could not be found" +
                 (near.empty() ? "" : " (did you mean " + near + "?)"));
}

std::set<size_t> reachable(const BuildJob& job, size_t target) {
  std::set<size_t> out;
  std::vector<size_t> todo = {target};
  while (!todo.empty()) {
    size_t stage = todo.back();
    todo.pop_back();
    if (!out.insert(stage).second) continue;
    todo.insert(todo.end(), job.stages[stage].needs.begin(), job.stages[stage].needs.end());
  }
  return out;
}

void warn_unused_args(BuildJob& job) {
  std::set<std::string> declared;
  for (const Instruction& instruction : job.dockerfile.instructions)
    if (instruction.keyword == "arg")
      for (const std::string& word : instruction.words) declared.insert(word.substr(0, word.find('=')));
  std::vector<std::string> unused;
  for (const auto& [name, value] : job.request.args)
    if (!declared.contains(name) && !is_proxy_variable(name) && !name.starts_with("BUILDKIT_") &&
        !job.global_args.contains(name) && name != "SOURCE_DATE_EPOCH")
      unused.push_back(name);
  if (!unused.empty())
    job.emit({BuildEventKind::Warning, "", 0, 0, 0,
              "one or more build-args [" + join(unused, " ") + "] were not consumed"});
}

}  // namespace stack::builder
