// The labels that identify the objects of a project, the same as in Docker Compose.
#pragma once

#include <string_view>

namespace stack::label {

inline constexpr std::string_view kPrefix = "com.docker.compose.";
inline constexpr char kProject[] = "com.docker.compose.project";
inline constexpr char kService[] = "com.docker.compose.service";
inline constexpr char kContainerNumber[] = "com.docker.compose.container-number";
inline constexpr char kOneOff[] = "com.docker.compose.oneoff";  // "True" | "False"
inline constexpr char kHook[] = "com.docker.compose.hook";      // "pre_start": a container that runs a hook
inline constexpr char kSlug[] = "com.docker.compose.slug";      // one-off containers
inline constexpr char kConfigHash[] = "com.docker.compose.config-hash";  // containers, networks, volumes
inline constexpr char kImage[] = "com.docker.compose.image";  // image ID; set when the container is created
inline constexpr char kDependsOn[] = "com.docker.compose.depends_on";  // "db:service_healthy:false,..."
inline constexpr char kReplace[] = "com.docker.compose.replace";       // id of the container it replaces
inline constexpr char kWorkingDir[] = "com.docker.compose.project.working_dir";
inline constexpr char kConfigFiles[] = "com.docker.compose.project.config_files";  // comma separated
inline constexpr char kEnvironmentFile[] = "com.docker.compose.project.environment_file";
inline constexpr char kVersion[] = "com.docker.compose.version";
// The value of kVersion.
inline constexpr std::string_view kVersionValue = "0.1.0";
inline constexpr char kNetwork[] = "com.docker.compose.network";  // the key in the file
inline constexpr char kVolume[] = "com.docker.compose.volume";    // the key in the file

// "unhealthy": the engine restarts the container when its health check fails. From x-stack.restart_on.
inline constexpr char kRestartOn[] = "io.stack.restart-on";

// Identifies the network of RUN steps. Its name is not sufficient, because a project may have a network of any name.
inline constexpr char kBuildNetwork[] = "io.stack.build-network";

}  // namespace stack::label
