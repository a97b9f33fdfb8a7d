//! The language of what is printed for people. JSON and pages are in English.

use std::borrow::Cow;
use std::env;
use std::sync::OnceLock;

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Language {
    #[value(name = "en")]
    English,
    #[value(name = "zh")]
    Chinese,
}

/// Has everything be printed in that language, or in that of the environment.
pub(crate) fn choose(language: Option<Language>) {
    // An earlier choice remains.
    let _ = CHOSEN.set(language.unwrap_or_else(|| Language::of_locale(locale().as_deref())));
}

/// A text in the chosen language.
pub(crate) fn tell(text: &str) -> Cow<'_, str> {
    CHOSEN.get().copied().unwrap_or(Language::English).tell(text)
}

static CHOSEN: OnceLock<Language> = OnceLock::new();

impl Language {
    fn of_locale(locale: Option<&str>) -> Self {
        match locale {
            Some(locale) if locale.starts_with("zh") => Self::Chinese,
            Some(_) | None => Self::English,
        }
    }

    /// Translates an English text. A text without translation stays as it is.
    fn tell(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::English => text.into(),
            Self::Chinese => translate(text).map_or(text.into(), Cow::Owned),
        }
    }
}

/// The first variable that is set decides, as for every program (POSIX).
fn locale() -> Option<String> {
    let variables = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter();
    variables.filter_map(|name| env::var(name).ok()).find(|value| !value.is_empty())
}

fn translate(text: &str) -> Option<String> {
    let trimmed = text.trim_start();
    let indent = &text[..text.len() - trimmed.len()];
    let (values, chinese) =
        CHINESE.iter().find_map(|(english, chinese)| Some((values(trimmed, english)?, chinese)))?;
    let mut told = indent.to_owned();
    let mut values = values.into_iter();
    for (index, part) in chinese.split("{}").enumerate() {
        if index > 0 {
            // A value may be a text itself.
            told += &values.next().map_or("".into(), |value| Language::Chinese.tell(value));
        }
        told += part;
    }
    Some(told)
}

/// The values in a text for each `{}` of its pattern.
fn values<'a>(text: &'a str, pattern: &str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let end = match part {
            "" if parts.peek().is_none() => rest.len(),
            _ if parts.peek().is_none() => rest.strip_suffix(part)?.len(),
            _ => rest.find(part)?,
        };
        values.push(&rest[..end]);
        rest = &rest[end + part.len()..];
    }
    rest.is_empty().then_some(values)
}

/// English and Chinese; the first pattern that fits counts.
const CHINESE: &[(&str, &str)] = &[
    // The head of a report.
    (
        "{} rooms of {} with {}, {} together, server {}",
        "{} 个房间，每个 {} 人，{}，共处 {}，服务器：{}",
    ),
    (
        "replay of {} stays in {} rooms of at most {} with {}, {} s, server {}",
        "重放 {} 次停留，{} 个房间，每个最多 {} 人，{}，{} 秒，服务器：{}",
    ),
    ("loadtest {} on {} cores, {} s in all", "loadtest {}，{} 核，共 {} 秒"),
    ("audio and video", "音频和视频"),
    ("audio", "音频"),
    ("signaling alone", "仅信令"),
    ("of its own", "自带"),
    // Counts.
    ("wanted", "应有"),
    ("reached", "达到"),
    ("failed", "失败"),
    ("participants", "参与者"),
    ("connections", "连接"),
    ("with media", "有媒体"),
    ("packets", "数据包"),
    ("dropped by this process", "本进程丢弃"),
    ("bad network", "弱网"),
    ("relayed messages", "转发的消息"),
    // Latencies.
    ("ms", "毫秒"),
    ("count", "次数"),
    ("missing", "缺失"),
    ("max", "最长"),
    ("raw p99", "原始 p99"),
    ("measured", "测量时段"),
    ("create", "创建房间"),
    ("http join", "加入请求"),
    ("websocket open", "打开 WebSocket"),
    ("websocket joined", "进入房间"),
    ("relay", "转发"),
    ("offer", "offer"),
    ("answer", "answer"),
    ("candidate", "候选地址"),
    ("message", "消息"),
    ("fan out first", "到达通知（首位）"),
    ("fan out median", "到达通知（中位）"),
    ("fan out", "到达通知（末位）"),
    ("leave first", "离开通知（首位）"),
    ("leave median", "离开通知（中位）"),
    ("leave", "离开通知（末位）"),
    ("connected", "建立连接"),
    ("ice", "ICE"),
    ("dtls", "DTLS"),
    ("first media", "首个媒体包"),
    ("first frame", "首帧"),
    ("mouth to ear", "声音端到端"),
    ("glass to glass", "画面端到端"),
    ("arrival", "到齐可见"),
    ("resume", "恢复"),
    ("{} to {} s", "{} 至 {} 秒"),
    ("{} to {} ms", "{} 至 {} 毫秒"),
    ("ms, by phase", "毫秒，按阶段"),
    ("phase", "阶段"),
    ("ramp", "加入"),
    ("steady", "稳定"),
    ("end", "结束"),
    // Media.
    ("media", "媒体"),
    ("streams", "流"),
    ("planned", "计划"),
    ("unsent", "未发送"),
    ("jitter", "抖动"),
    ("round trip", "往返"),
    ("frames/s", "帧/秒"),
    ("freezes", "冻结"),
    ("frozen", "冻结时长"),
    ("video", "视频"),
    ("screen", "屏幕"),
    ("room {}", "房间 {}"),
    ("silent: {} × {}: {} (room {}: {} to {})", "无声：{} × {}：{}（房间 {}：{} 至 {}）"),
    ("{}: p_{} to p_{}", "{}：p_{} 至 p_{}"),
    ("one of them did not learn of the other", "一方不知道另一方"),
    ("never connected", "从未连接"),
    ("never connected: {}", "从未连接：{}"),
    ("the source failed: {}", "源失败：{}"),
    ("no track was negotiated", "没有协商轨道"),
    ("there is a track, and its sender sent nothing", "有轨道，但发送者没有发送"),
    ("{} packets were sent, and none arrived", "发送了 {} 个包，一个也没有到达"),
    ("{} packets arrived, and no picture was whole", "到达了 {} 个包，没有一幅完整的画面"),
    ("nothing is known of its sender", "对发送者一无所知"),
    // The machine.
    ("processors", "处理器"),
    ("busiest second", "最忙的一秒"),
    ("memory", "内存"),
    ("open files", "打开的文件"),
    ("TCP sockets", "TCP 套接字"),
    ("late p99", "滞后 p99"),
    ("tester", "测试器"),
    ("server", "服务器"),
    ("counted by the server", "服务器的计数"),
    ("messages", "消息"),
    ("relayed to receivers", "转发给接收者"),
    ("mean time for a message", "每条消息平均用时"),
    ("connections at most", "连接最多"),
    ("bytes queued at most", "排队字节最多"),
    ("refused because of", "拒绝的原因"),
    ("{} ({} times)", "{}（{} 次）"),
    // Losses.
    ("lost before the end", "结束前丢失"),
    ("lost", "丢失"),
    ("back", "恢复"),
    ("first at", "首次"),
    ("media tracks", "媒体轨道"),
    ("seats", "座位"),
    ("signaling sockets", "信令连接"),
    // Objectives.
    ("objective", "目标"),
    ("held", "达成"),
    ("missed", "未达成"),
    ("{} (the longest of {}, which are too few)", "{}（{} 次中最长者，样本不足）"),
    ("{} (nothing was measured)", "{}（没有测量值）"),
    // The verdict.
    ("{}, until the run was interrupted", "{}（直到运行被中断）"),
    (
        "everybody was connected to everybody and received its media",
        "所有人都已互相连接并收到了媒体",
    ),
    (
        "everybody negotiated with everybody, and every message arrived",
        "所有人都已互相协商，每条消息都已到达",
    ),
    ("FAILED: {}", "失败：{}"),
    (
        "it was too late to send {} % of the packets (--max-unsent {} %)",
        "它来不及发送 {} % 的数据包（--max-unsent {} %）",
    ),
    ("it was shown, and nothing of it arrived", "已共享，但没有收到任何内容"),
    (
        "{}; what the machine of the server had left is not known",
        "{}；不知道服务器所在机器还剩余多少资源",
    ),
    ("INVALID: the tester was the limit: {}", "无效：瓶颈是测试器：{}"),
    ("MISSED: {}", "未达成：{}"),
    ("failed: {} × {}", "失败：{} × {}"),
    ("… and {} more causes", "……另有 {} 种原因"),
    (
        "the server was gone from {} s on; nobody had a signaling socket any more",
        "服务器从第 {} 秒起不可用，所有人都失去了信令连接",
    ),
    (
        "not everybody was connected to everybody and received its media",
        "并非所有人都互相连接并收到了媒体",
    ),
    ("not everybody was connected to everybody", "并非所有人都互相连接"),
    ("not everything that was there stayed until the end", "有些已建立的东西没有保持到结束"),
    ("relayed messages were lost", "有转发的消息丢失"),
    ("{} steps were planned and never answered", "{} 个计划中的步骤始终没有得到答复"),
    ("{} was not held: nothing was measured", "{} 未达成：没有测量值"),
    ("{} was not held: {}", "{} 未达成：{}"),
    (
        "tasks ran late, by {} ms at p99 (--max-lag {} ms)",
        "任务滞后，p99 为 {} 毫秒（--max-lag {} 毫秒）",
    ),
    (
        "the tester kept {} of {} processors busy (--max-processor {} %)",
        "测试器占用了 {} / {} 个处理器（--max-processor {} %）",
    ),
    (
        "its threads waited for processors longer than they ran, for {} of them",
        "线程等待处理器的时间超过了运行时间，相当于 {} 个处理器",
    ),
    ("the memory of the machine was nearly full", "机器的内存几乎用尽"),
    ("it ran out of open files: {}", "打开的文件达到上限：{}"),
    ("it ran out of local ports: {}", "本地端口用尽：{}"),
    // Capacity.
    ("rooms", "房间"),
    ("of", "每间"),
    ("passed", "通过"),
    ("confirmed", "确认"),
    ("interrupted", "已中断"),
    ("invalid", "无效"),
    ("join p99", "加入 p99"),
    ("fan out p99", "到达通知 p99"),
    ("relay p99", "转发 p99"),
    ("server processors", "服务器处理器"),
    ("server memory", "服务器内存"),
    ("server files", "服务器文件"),
    ("a message takes", "每条消息"),
    ("tester processors", "测试器处理器"),
    ("cost for the server", "服务器的开销"),
    ("processor time", "处理器时间"),
    ("a room", "每个房间"),
    ("a participant", "每位参与者"),
    ("a message, with everything else", "每条消息（含其他一切）"),
    ("{}; the first limit was {}", "{}；首先遇到的限制是：{}"),
    ("{}; the search was interrupted", "{}；搜索被中断"),
    ("{}; more were not tried (--most)", "{}；没有尝试更多（--most）"),
    ("this server carries no room at all", "这台服务器一个房间也承载不了"),
    (
        "this server carries {} rooms of {} ({} participants)",
        "这台服务器可承载 {} 个 {} 人的房间（共 {} 人）",
    ),
    ("descriptors: {}", "文件描述符：{}"),
    ("latency: {}", "延迟：{}"),
    ("the length of a run: {}", "运行时长：{}"),
    ("something failed or was lost: {}", "有失败或丢失：{}"),
    ("the server went away: {}", "服务器消失：{}"),
    ("a limit of the server: {}", "服务器的限制：{}"),
    ("the memory of the server: {}", "服务器的内存：{}"),
    ("the processors of the server: {}", "服务器的处理器：{}"),
    ("the tester (INVALID): {}", "测试器（无效）：{}"),
    // Comparisons.
    ("{} p50", "{} p50"),
    ("{} p99", "{} p99"),
    ("before", "之前"),
    ("after", "之后"),
    ("ratio", "比值"),
    ("from", "下限"),
    ("to", "上限"),
    ("slower", "更慢"),
    ("faster", "更快"),
    ("no difference", "没有差别"),
    ("too few", "样本不足"),
    ("the second is slower", "后者更慢"),
    ("the second is faster", "后者更快"),
    (
        "{} and {} runs; the ratio lies between its bounds at 99.75 %",
        "{} 次与 {} 次运行；比值以 99.75 % 的置信度位于上下限之间",
    ),
    // Patterns that fit many texts come last.
    ("{} of {}", "{} / {}"),
    ("{} to {}", "{} 至 {}"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_they_stood() {
        let told = |text| Language::Chinese.tell(text).into_owned();
        assert_eq!(told("  with media"), "  有媒体");
        assert_eq!(told("0.1 to 3.9 s"), "0.1 至 3.9 秒");
        assert_eq!(
            told("MISSED: relay.p99<5ms was not held: 7.500"),
            "未达成：relay.p99<5ms 未达成：7.500"
        );
        let capacity = "this server carries 4 rooms of 2 (8 participants); the first limit was \
                        latency: relay.p99<5ms was not held: 7.500";
        assert_eq!(
            told(capacity),
            "这台服务器可承载 4 个 2 人的房间（共 8 人）；首先遇到的限制是：延迟：relay.p99<5ms 未达成：7.500"
        );
        assert_eq!(told("fan out first p99"), "到达通知（首位） p99");
        assert_eq!(told("17.5"), "17.5");
        assert_eq!(Language::English.tell("relay"), "relay");
    }

    #[test]
    fn the_locale_of_the_environment_is_the_language() {
        for (locale, language) in [
            (Some("zh_CN.UTF-8"), Language::Chinese),
            (Some("zh"), Language::Chinese),
            (Some("de_DE.UTF-8"), Language::English),
            (Some("C"), Language::English),
            (None, Language::English),
        ] {
            assert_eq!(Language::of_locale(locale), language, "{locale:?}");
        }
    }
}
