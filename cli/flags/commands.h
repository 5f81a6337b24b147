// All commands. Each is defined in the file of the same name in commands/.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/flags/command.h"

namespace stack::cli {

extern const Command kDeploy, kConvert, kUp, kWatch, kCreate, kUpdate, kUi, kDashboard, kDown, kPs, kLogs, kExec, kRun,
    kStart, kStop, kRestart, kKill, kRm, kPause, kUnpause, kBuild, kImages, kConfig, kPlan, kLs, kTop, kPort,
    kScale, kWait, kAttach, kEvents, kVersion, kStats, kCp, kCommit, kExport, kImageLs, kImageRm,
    kImageInspect, kImageBootstrap, kImageTag, kImageHistory, kImagePrune, kImageSave, kImageLoad,
    kImageImport, kBuilderPrune, kSystemDf, kSystemPrune, kVolumeLs, kVolumeInspect, kVolumeRm, kVolumeCreate,
    kVolumePrune, kVolumeBackup, kVolumeRestore, kVolumeClone, kVolumes, kNetworkLs, kNetworkInspect,
    kNetworkRm, kNetworkCreate, kNetworkPrune, kDoctor, kEngineStatus, kEngineStop, kEngineLogs,
    kEngineDockerSocket, kEngineEnable, kEngineDisable, kGenerateSystemd, kImportDocker, kSystemReset, kHelp,
    kCompletion, kComplete, kMan, kDial, kPull, kPush, kLogin, kLogout, kImagePull, kImagePush;

// In the order shown by help.
std::span<const Command* const> all_commands();

struct FoundCommand {
  const Command* command = nullptr;
  size_t words_used = 0;  // 1, or 2 for "image ls"
};
// Looks up the first one or two words; null if there is no such command.
FoundCommand find_command(std::span<const std::string> words);
// Whether two-word commands begin with this word ("image").
bool is_command_family(std::string_view word);
// "unknown command: psx; did you mean ps?"
std::string unknown_command_text(std::span<const std::string> words);

}  // namespace stack::cli
