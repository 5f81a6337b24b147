#include "cli/flags/commands.h"

#include <algorithm>

#include "base/text.h"

namespace stack::cli {

namespace {

constexpr const Command* kAll[] = {
    &kUp,
    &kWatch,
    &kUi,
    &kDashboard,
    &kUpdate,
    &kDown,
    &kPlan,
    &kDeploy,
    &kConvert,
    &kCreate,
    &kStart,
    &kStop,
    &kRestart,
    &kKill,
    &kRm,
    &kPause,
    &kUnpause,
    &kScale,
    &kWait,
    &kPs,
    &kLogs,
    &kExec,
    &kRun,
    &kAttach,
    &kTop,
    &kStats,
    &kPort,
    &kCp,
    &kExport,
    &kCommit,
    &kEvents,
    &kLs,
    &kBuild,
    &kPull,
    &kPush,
    &kLogin,
    &kLogout,
    &kImages,
    &kConfig,
    &kVolumes,
    &kImageLs,
    &kImageRm,
    &kImageInspect,
    &kImagePull,
    &kImagePush,
    &kImageBootstrap,
    &kImageTag,
    &kImageHistory,
    &kImagePrune,
    &kImageSave,
    &kImageLoad,
    &kImageImport,
    &kBuilderPrune,
    &kSystemDf,
    &kSystemPrune,
    &kSystemReset,
    &kVolumeLs,
    &kVolumeInspect,
    &kVolumeCreate,
    &kVolumeRm,
    &kVolumePrune,
    &kVolumeBackup,
    &kVolumeRestore,
    &kVolumeClone,
    &kNetworkLs,
    &kNetworkInspect,
    &kNetworkCreate,
    &kNetworkRm,
    &kNetworkPrune,
    &kDoctor,
    &kEngineStatus,
    &kEngineStop,
    &kEngineLogs,
    &kEngineEnable,
    &kEngineDisable,
    &kEngineDockerSocket,
    &kGenerateSystemd,
    &kImportDocker,
    &kVersion,
    &kCompletion,
    &kHelp,
    &kComplete,
    &kMan,
    &kDial,
};

bool has_name(const Command& command, std::string_view name) {
  return command.name == name ||
         std::find(command.aliases.begin(), command.aliases.end(), name) != command.aliases.end();
}

std::string_view first_word(std::string_view name) { return name.substr(0, name.find(' ')); }

}  // namespace

std::span<const Command* const> all_commands() { return kAll; }

FoundCommand find_command(std::span<const std::string> words) {
  for (size_t used = std::min<size_t>(2, words.size()); used > 0; --used) {
    std::string name = join(words.subspan(0, used), " ");
    for (const Command* command : kAll) {
      if (has_name(*command, name)) return {command, used};
    }
  }
  return {};
}

bool is_command_family(std::string_view word) {
  return std::any_of(std::begin(kAll), std::end(kAll), [&](const Command* command) {
    return command->name.find(' ') != std::string_view::npos && first_word(command->name) == word;
  });
}

namespace {

// Commands of Compose that are not supported, and why.
struct RefusedCommand {
  std::string_view name;
  std::string_view reason;
};
constexpr RefusedCommand kRefusedCommands[] = {
    {"bridge",
     "it needs images of Docker Desktop; `stack convert --target kubernetes` writes Kubernetes objects"},
    {"publish", "Compose files as OCI artifacts are not supported; keep the files in a repository"},
    {"alpha", "experimental commands are not supported"},
};

}  // namespace

std::string unknown_command_text(std::span<const std::string> words) {
  for (const RefusedCommand& refused : kRefusedCommands)
    if (words[0] == refused.name) return words[0] + " is not supported: " + std::string(refused.reason);
  bool family = is_command_family(words[0]);
  std::string shown = words[0];
  if (family && words.size() > 1) shown += " " + words[1];
  std::vector<std::string> names;
  for (const Command* command : kAll) {
    if (command->hidden) continue;
    if (!family) {
      names.emplace_back(first_word(command->name));
    } else if (first_word(command->name) == words[0]) {
      names.emplace_back(command->name);
    }
  }
  if (family && words.size() == 1) return shown + " requires one of: " + join(names, ", ");
  std::string text = "unknown command: " + shown;
  std::string near = nearest(shown, names);
  if (!near.empty()) return text + "; did you mean `" + near + "`?";
  if (family) return text + "; available: " + join(names, ", ");
  return text;
}

}  // namespace stack::cli
