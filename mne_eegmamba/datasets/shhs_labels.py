"""Stages of the Sleep Heart Health Study, out of its two kinds of XML files."""

import xml.etree.ElementTree as ET

from mne_eegmamba.datasets.sleep import DURATION


def parse_profusion(text):
    """Read stages out of a ``-profusion.xml``.

    Parameters
    ----------
    text : str | bytes
        The file.

    Returns
    -------
    stages : list of tuple
        Begin in seconds and stage: 0 wake, 1 to 4, 5 REM, above that not scored.

    Raises
    ------
    ValueError
        If it is not of that form, or its epochs have not 30 s.

    Examples
    --------
        >>> stages = "<SleepStage>0</SleepStage><SleepStage>5</SleepStage>"
    >>> parse_profusion(
    ...     "<CMPStudyConfig><EpochLength>30</EpochLength>"
    ...     f"<SleepStages>{stages}</SleepStages></CMPStudyConfig>"
    ... )
    [(0.0, 0), (30.0, 5)]
    """
    root = parse_xml(text)
    length, found = root.find(".//EpochLength"), root.find(".//SleepStages")
    if length is None or found is None or float(length.text) != DURATION:
        raise ValueError(
            "it must have EpochLength 30 and SleepStages. Got EpochLength "
            f"{None if length is None else length.text}."
        )
    stages = [int(stage.text) for stage in found.iter("SleepStage")]
    return [(DURATION * k, stage) for k, stage in enumerate(stages)]


def parse_nsrr(text):
    """Read stages out of a ``-nsrr.xml``.

    Parameters
    ----------
    text : str | bytes
        The file.

    Returns
    -------
    stages : list of tuple
        Begin in seconds and stage: 0 wake, 1 to 4, 5 REM, above that not scored.

    Raises
    ------
    ValueError
        If it is not of that form, or a stage does not last whole epochs of 30 s.

    Examples
    --------
    >>> parse_nsrr(
    ...     "<PSGAnnotation><ScoredEvent><EventType>Stages|Stages</EventType>"
    ...     "<EventConcept>REM sleep|5</EventConcept><Start>30</Start>"
    ...     "<Duration>60.0</Duration></ScoredEvent></PSGAnnotation>"
    ... )
    [(30.0, 5), (60.0, 5)]
    """
    stages = []
    for event in parse_xml(text).iter("ScoredEvent"):
        if event.findtext("EventType") != "Stages|Stages":
            continue
        begin, seconds = float(event.findtext("Start")), event.findtext("Duration")
        n_epochs, rest = divmod(float(seconds), DURATION)
        if rest:
            raise ValueError(
                f"a stage at {begin:g} s lasts {seconds} s, not whole 30 s"
            )
        stage = int(event.findtext("EventConcept").rpartition("|")[2])
        stages += [(begin + DURATION * k, stage) for k in range(int(n_epochs))]
    return stages


def parse_xml(text):
    """Return the root of an XML text, or raise a ValueError."""
    try:
        return ET.fromstring(text)
    except ET.ParseError as error:
        raise ValueError(f"it is no complete XML file ({error})") from error
