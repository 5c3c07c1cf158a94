"""The virtual camera: a procedural world that knows its own ground truth.

What bodies do is an entry of `actions.ACTIONS`: a pose (`poses`), a gait, a speed, words, and what is drawn with it
(`gear`). What may be unusual is an entry of `anomalies.ANOMALIES`. A scene (`scene`, ``scenes/*.json``) says what is
normal there, what is not, and how it looks; `director` sends people in, `renderer` draws them, `clip.World` is both
together, and `truth` what is known of every frame.

Networks are trained on `randomise.random_scene` only, with seeds below 5000. The named scenes are for tests, with
seeds from 9000 on; ``plaza`` and ``station`` are held out (``held_out`` in the scene): nothing is trained, tuned or
chosen on them.
`watchword simulate --list` shows what is normal in each.
"""
