//! System calls that the keyguard never makes, denied by seccomp.
//!
//! A deny list, answered with EPERM: PKCS#11 modules, allocators and the C library change their calls with every
//! version, and an allow list that is wrong stops signing. What matters is listed: the network, other processes, the
//! kernel's own configuration, and the large interfaces where most kernel holes are.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter_all_threads,
};

use crate::sandbox::{Network, Profile};

/// Why the filter is not installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeccompError {
    /// The filter cannot be built for this processor.
    #[error("not installed: {0}")]
    Build(#[from] BackendError),
    /// The kernel refused it.
    #[error("not installed: {0}")]
    Install(#[from] seccompiler::Error),
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Denied whatever the arguments are.
const DENIED: &[i64] = &[
    // listening
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_listen,
    // other processes
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    // name spaces, mounts, roots
    libc::SYS_chroot,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_personality,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
    // kernel
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_perf_event_open,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_userfaultfd,
];

/// Denied where no process may be started.
const SPAWNING: &[i64] = &[libc::SYS_execve, libc::SYS_execveat];

/// The numbers under which the x32 interface has the calls of [`DENIED`] and [`SPAWNING`] that it renumbered. The other
/// calls have their own number there, with [`X32`] set. Without these the x86-64 filter would not see them.
#[cfg(target_arch = "x86_64")]
const X32_RENUMBERED: &[(i64, i64)] = &[
    (libc::SYS_execve, 520),
    (libc::SYS_ptrace, 521),
    (libc::SYS_kexec_load, 528),
    (libc::SYS_process_vm_readv, 539),
    (libc::SYS_process_vm_writev, 540),
    (libc::SYS_execveat, 545),
];
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

/// Installs the filter for all threads of the process.
pub(crate) fn install(profile: &Profile) -> Result<String, SeccompError> {
    let mut denied = DENIED.to_vec();
    if !profile.may_spawn() {
        denied.extend(SPAWNING);
    }
    let mut rules: Rules = denied.into_iter().map(|call| (call, Vec::new())).collect();
    match profile.network {
        Network::None => deny_network(&mut rules, profile)?,
        Network::Outbound => {}
    }
    rules.insert(libc::SYS_clone, name_spaces()?);
    let count = rules.len();
    add_x32(&mut rules);
    // The C library falls back to `clone` when the kernel does not know `clone3`, whose flags no filter can see.
    let unseen: Rules = [(libc::SYS_clone3, Vec::new())].into();
    apply_filter_all_threads(&compile(unseen, libc::ENOSYS)?)?;
    apply_filter_all_threads(&compile(rules, libc::EPERM)?)?;
    Ok(format!("{count} system calls denied"))
}

/// AF_UNIX is what the parent, the workers and the runtime's own wake-ups use. Connecting, even locally, is left to those
/// who start workers: some modules talk to a local daemon.
fn deny_network(rules: &mut Rules, profile: &Profile) -> Result<(), BackendError> {
    for call in [libc::SYS_socket, libc::SYS_socketpair] {
        let family = u64::from(libc::AF_UNIX.unsigned_abs());
        rules.insert(call, vec![argument(0, SeccompCmpOp::Ne, family)?]);
    }
    if !profile.may_spawn() {
        rules.insert(libc::SYS_connect, Vec::new());
    }
    Ok(())
}

fn compile(rules: Rules, errno: i32) -> Result<BpfProgram, BackendError> {
    let arch = std::env::consts::ARCH.try_into()?;
    let denied = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, denied, arch)?.try_into()
}

fn argument(index: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)?;
    SeccompRule::new(vec![condition])
}

/// One rule per name space flag: a clone with any of them is denied, any other is a thread or a child.
fn name_spaces() -> Result<Vec<SeccompRule>, BackendError> {
    let flags = [
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWUTS,
    ];
    let masked = flags.into_iter().map(|flag| u64::from(flag.unsigned_abs()));
    masked.map(|flag| argument(0, SeccompCmpOp::MaskedEq(flag), flag)).collect()
}

#[cfg(target_arch = "x86_64")]
fn add_x32(rules: &mut Rules) {
    let number =
        |call: i64| X32_RENUMBERED.iter().find(|(from, _)| *from == call).map_or(call, |(_, to)| *to);
    let doubled: Rules = rules.iter().map(|(call, rules)| (number(*call) | X32, rules.clone())).collect();
    rules.extend(doubled);
}

#[cfg(not(target_arch = "x86_64"))]
fn add_x32(_: &mut Rules) {}
