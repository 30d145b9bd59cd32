"""info and version: what docker says of the machine, and of itself where pallet has it too."""

from __future__ import annotations

from tests.compat.compare import cases

CASES = cases(
    "docker version --format '{{.Server.Os}} {{.Server.Arch}} {{.Client.Os}} {{.Client.Arch}}'",
    "docker version --format '{{.Server.APIVersion}} {{.Client.APIVersion}} {{.Client.DefaultAPIVersion}}'",
    "docker version --format '{{.Server.KernelVersion}} {{(index .Server.Components 0).Name}}'",
    'docker version --format \'{{json .Server}}\' | grep -o \'"\\(ApiVersion\\|Os\\|Arch\\|KernelVersion\\)":"[^"]*"\'',
    "docker version --format '{{.Nosuch}}'",
    "docker info --format '{{.Driver}} {{.LoggingDriver}} {{.CgroupDriver}} {{.CgroupVersion}} {{.SecurityOptions}}'",
    "docker info --format '{{.MemoryLimit}} {{.SwapLimit}} {{.KernelMemory}} {{.OomKillDisable}} {{.PidsLimit}}'",
    "docker info --format '{{.CPUCfsPeriod}} {{.CPUCfsQuota}} {{.CPUShares}} {{.CPUSet}}'",
    "docker info --format '{{.CpuCfsPeriod}}'",
    "docker info --format '{{.KernelVersion}} {{.OSType}} {{.OSVersion}} {{.Architecture}} {{.NCPU}} {{.MemTotal}}'",
    "docker info --format '{{.Plugins.Volume}} {{.Plugins.Authorization}} {{.Swarm.LocalNodeState}} {{.Labels}}'",
    "docker info --format '{{.IndexServerAddress}} {{.LiveRestoreEnabled}} {{.ExperimentalBuild}} {{.Debug}}'",
    "docker info --format '{{.Nosuch}}'",
    "docker info --format '{{json .}}' | grep -o '\"\\(CpuCfsQuota\\|CPUSet\\|OSType\\)\":[^,}]*'",
    "docker info | grep -E '^ ?(Containers|Storage Driver|Cgroup|Swarm|Kernel|OSType|CPUs|Total|Live|Security)'",
    "docker info | grep -A1 seccomp",
    "docker info x",
)
