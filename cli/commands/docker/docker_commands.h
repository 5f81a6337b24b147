// The docker command line: `stack docker ...`, and this program under the name `docker`. Each command is one row,
// defined in the file for its subject; grammar, texts, and exit codes match Docker's client.
// https://docs.docker.com/reference/cli/docker/
#pragma once

#include <span>
#include <string>

#include "cli/flags/command.h"

namespace stack::cli::docker_cli {

// Exit code of `run`, `create`, and `exec` if Docker itself fails before the command runs, and for unknown flags.
inline constexpr int kExitDocker = 125;

extern const Command kAttach, kBuild, kBuilderPrune, kCommit, kContainerInspect, kContainerPrune,
    kContextCreate, kContextInspect, kContextLs, kContextRm, kContextShow, kContextUse, kCp, kCreate, kDiff,
    kEvents, kExec, kExport, kHistory, kImageInspect, kImagePrune, kImages, kImport, kInfo, kInspect, kKill,
    kLoad, kLogin, kLogout, kLogs, kNetworkConnect, kNetworkCreate, kNetworkDisconnect, kNetworkInspect,
    kNetworkLs, kNetworkPrune, kNetworkRm, kPause, kPort, kPs, kPull, kPush, kRename, kRestart, kRm, kRmi,
    kRun, kSave, kSearch, kStart, kStats, kStop, kSystemDf, kSystemPrune, kTag, kTop, kUnpause, kUpdate,
    kVersion, kVolumeCreate, kVolumeInspect, kVolumeLs, kVolumePrune, kVolumeRm, kWait;

// All commands by long name ("container ls"); short names ("ps") are aliases.
std::span<const Command* const> commands();

}  // namespace stack::cli::docker_cli
