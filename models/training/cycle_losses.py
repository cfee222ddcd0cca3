"""What a CycleGAN is trained on (Zhu et al. 2017, arXiv:1703.10593): the losses of its generators and of its critics, and the pool of earlier fakes."""
import torch
from torch import nn
from torch.nn import functional as F

from models.training import data
from models.training.projected import told_apart

LEAST = 0.15  # of a picture: animals take more of most of them


class GeneratorLosses(nn.Module):
    """G step: (D_B(G_AB(A)) - 1)^2 + (D_A(G_BA(B)) - 1)^2 + cycle * |rec - real| + identity * |idt - real|.

    With pairs, each B beside its disguise A' and the mask M of what was painted over, also (D_B(G_AB(A')) - 1)^2
    + around * ((1 - M) |G_AB(A') - B| + (1 - M) |G_BA(B) - B|) + painted * (M |G_AB(A') - B| + M |G_BA(B) - A'|) + plain * M |G_BA(B) - A'|
    + gated * the cross entropy with M of all gates that saw the animal: of G_BA on B, of G_AB on A' and on the way back.
    With masks of the animals of A the same for what G_AB does to A and G_BA on the way back; where there is none, G_AB's gate on A is asked to open on
    `LEAST` of the picture.

    With critics (P_A, P_B) that look through a trained network, also - projected * P of each picture of which D is asked.
    """

    def __init__(self, nets, identity, around=0.0, gated=0.0, projected=0.0, through=None, plain=0.0):
        super().__init__()
        self.G_AB, self.G_BA = nets.G_AB, nets.G_BA
        self.critics, self.through = (nets.D_A, nets.D_B), (through,)  # in a tuple: judged by, not trained
        self.identity, self.around, self.gated, self.projected, self.plain = identity, around, gated, projected, plain

    def forward(self, real_A, real_B, with_identity: bool, cycle: float, disguise=None, mask=None, painted=0.0, mask_A=None):
        """Loss, fakes of A and of B for the critics' step, and the parts of the loss that a person watches."""
        (fake_B, gate_B), (fake_A, gate_A) = self.G_AB.painted(real_A), self.G_BA.painted(real_B)
        told = [(gate_A, mask)]  # gates, each beside the mask it should be
        fooled = self._fooled(fake_A, 0) + self._fooled(fake_B, 1)
        loss, idt, lost, beside = fooled, *fooled.new_zeros(3)
        if mask_A is not None:
            told.append((gate_B, mask_A))
            beside = beside + self._beside(fake_B, real_A, mask_A)
        if cycle:
            (rec_A, back_A), (rec_B, back_B) = self.G_BA.painted(fake_B), self.G_AB.painted(fake_A)
            told += [(back_A, mask_A), (back_B, mask)]
            lost = F.l1_loss(rec_A.float(), real_A) + F.l1_loss(rec_B.float(), real_B)
            loss = loss + cycle * lost
        if with_identity:
            idt = F.l1_loss(self.G_BA(real_A).float(), real_A) + F.l1_loss(self.G_AB(real_B).float(), real_B)
            loss = loss + self.identity * idt
        if disguise is not None:
            made, gate = self.G_AB.painted(worn(disguise, real_A, mask))
            told.append((gate, mask))
            beside = beside + self._beside(made, real_B, mask) + self._beside(fake_A, real_B, mask)
            striped, plain = ((mask * (one.float() - truth).abs()).mean() for one, truth in ((made, real_B), (fake_A, disguise)))
            open_ = gate_B.float().mean((1, 2, 3)).clamp(min=1e-4)
            if mask_A is not None:
                open_ = torch.where(mask_A.flatten(1).any(1), LEAST, open_)
            least = (LEAST / open_).log().clamp(min=0).mean()
            gated = sum(_cross_entropy(gate.float(), truth, truth.amax((1, 2, 3), keepdim=True)) for gate, truth in told if truth is not None)
            loss = loss + self._fooled(made, 1) + self.around * beside + painted * (striped + plain) + self.plain * plain + self.gated * (least + gated)
            fake_B = torch.cat([fake_B, made])
        return loss, fake_A.detach(), fake_B.detach(), torch.stack([fooled, lost, idt, beside]).detach()

    @staticmethod
    def _beside(made, real, mask):
        found = mask.amax((1, 2, 3), keepdim=True)  # an animal that was not found says nothing about what is around it
        return ((1 - mask) * found * (made.float() - real).abs()).mean()

    def _fooled(self, fake, domain):
        loss, through = ((self.critics[domain](fake).float() - 1) ** 2).mean(), self.through[0]
        return loss if through is None else loss - self.projected * through[domain](data.augment(fake, 1.0)).float().mean()


def worn(disguise, real_A, mask):
    """The disguises, half of them with the middle of a picture of A in place of their plain coat: a gate is to know an animal by its outline."""
    height, width = (side // 4 for side in real_A.shape[-2:])
    coat = F.interpolate(real_A[..., height:3 * height, width:3 * width], real_A.shape[-2:], mode="bilinear")
    half = torch.rand(len(mask), 1, 1, 1, device=mask.device) < 0.5
    return torch.where(half & (mask > 0.5), coat, disguise).contiguous(memory_format=torch.channels_last)


def _cross_entropy(chance, truth, counts):
    chance = chance.clamp(1e-4, 1 - 1e-4)
    return (counts * (-truth * chance.log() - (1 - truth) * (1 - chance).log())).mean()


class CriticLosses(nn.Module):
    """D step: ((D(real) - 1)^2 + D(fake)^2) / 2, for A and for B; and hinge for the critics that look through a trained network, where there are some."""

    def __init__(self, nets, through=None):
        super().__init__()
        self.D_A, self.D_B, self.through = nets.D_A, nets.D_B, through

    def forward(self, real_A, real_B, fake_A, fake_B):
        told = [((D(real).float() - 1) ** 2).mean() + (D(fake).float() ** 2).mean()
                for D, real, fake in ((self.D_A, real_A, fake_A), (self.D_B, real_B, fake_B))]
        loss = sum(told) / 2
        if self.through is not None:
            loss = loss + sum(told_apart(P(data.augment(real, 1.0)), P(data.augment(fake, 1.0))) for P, real, fake in zip(self.through, (real_A, real_B), (fake_A, fake_B)))
        return loss


class Pool:
    """Up to 50 earlier fakes: half the time a critic is shown one of them in place of a new one (Shrivastava et al. 2017)."""

    def __init__(self, size=50):
        self.size, self.kept = size, None

    def swap(self, fakes):
        """Fakes (B, C, H, W) -> as many, some of them earlier ones, for which new ones are kept. All of it on the device."""
        if self.kept is None or len(self.kept) < self.size:
            room = self.size - (0 if self.kept is None else len(self.kept))
            self.kept = fakes[:room].clone() if self.kept is None else torch.cat([self.kept, fakes[:room]])
            return fakes
        slots = torch.randperm(self.size, device=fakes.device)[:len(fakes)]
        old = torch.rand(len(fakes), 1, 1, 1, device=fakes.device)[:len(slots)] < 0.5
        earlier, fresh = self.kept[slots], fakes[:len(slots)]
        self.kept[slots] = torch.where(old, fresh, earlier)
        return torch.cat([torch.where(old, earlier, fresh), fakes[len(slots):]]).contiguous(memory_format=torch.channels_last)
